"""The SSE decoder against the WHATWG rules, at every split of the bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.sse import SSEDecoder, frame
from gateway.errors import ErrorKind, GatewayError

CAP = 1 << 20


def decode(*chunks: bytes, cap: int = CAP) -> list[tuple[bytes, bytes]]:
    decoder = SSEDecoder(max_event_bytes=cap)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    last = decoder.finish()
    return [*events, last] if last else list(events)


BODIES: dict[str, tuple[bytes, list[tuple[bytes, bytes]]]] = {
    "lf": (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "cr": (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
    "mixed line ends": (b"data: a\r\n\ndata: b\n\rdata: c\r\r\n", [(b"", b"a"), (b"", b"b"), (b"", b"c")]),
    "no space after the colon": (b"data:a\n\n", [(b"", b"a")]),
    "only one space is removed": (b"data:  a\n\n", [(b"", b" a")]),
    "data lines are joined": (b"data: a\ndata\ndata: b\n\n", [(b"", b"a\n\nb")]),
    "comments": (b": ping\n\n:\n\n: x\ndata: a\n: y\n\n", [(b"", b"a")]),
    "event name": (b"event: error\ndata: a\n\ndata: b\n\n", [(b"error", b"a"), (b"", b"b")]),
    "event without data": (b"event: ping\n\ndata: b\n\n", [(b"", b"b")]),
    "other fields": (b"id: 1\nretry: 5\nfoo\ndata: a\n\n", [(b"", b"a")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    "byte order mark only at the start": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [(b"", b"a")]),
    "no blank line at the end": (b"data: a\n\ndata: b", [(b"", b"a"), (b"", b"b")]),
    "unicode line separators are text": (
        "data: a\u2028b\u0085c\x0bd\n\n".encode(),
        [(b"", "a\u2028b\u0085c\x0bd".encode())],
    ),
    "empty": (b"", []),
    "only blank lines": (b"\n\r\n\n", []),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_gives_its_events_whole_and_byte_by_byte(name: str) -> None:
    body, expected = BODIES[name]
    assert decode(body) == expected
    assert decode(*(body[i : i + 1] for i in range(len(body)))) == expected


@given(
    lines=st.lists(st.sampled_from([b"data: x", b"data:", b"", b": c", b"event: e", b"id: 1", b"data: \xe2\x82\xac"])),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1),
    cuts=st.lists(st.integers(0, 200)),
)
def test_any_split_gives_the_same_events(lines: list[bytes], ends: list[bytes], cuts: list[int]) -> None:
    body = b"".join(line + ends[i % len(ends)] for i, line in enumerate(lines))
    points = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in itertools.pairwise(points)]
    assert decode(*pieces) == decode(body)


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 50, b"data: x\n" * 60, b"x" * 200])
def test_an_event_past_the_cap_is_a_protocol_error(piece: bytes) -> None:
    decoder = SSEDecoder(max_event_bytes=100)
    with pytest.raises(GatewayError) as caught:
        list(map(decoder.feed, [piece] * 4))
    assert caught.value.kind is ErrorKind.UPSTREAM_PROTOCOL


def test_comments_and_past_events_do_not_count_against_the_cap() -> None:
    decoder = SSEDecoder(max_event_bytes=100)
    for _ in range(50):
        assert decoder.feed(b": keep-alive\n\ndata: " + b"x" * 60 + b"\n\n") == [(b"", b"x" * 60)]


def test_a_frame_is_one_event_that_the_decoder_reads_back() -> None:
    assert frame("response.created", b'{"a":1}') == b'event: response.created\ndata: {"a":1}\n\n'
    assert decode(frame("x", b"{}")) == [(b"x", b"{}")]
