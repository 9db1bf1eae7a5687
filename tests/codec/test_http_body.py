"""Bodies of HTTP answers: any split of the bytes gives the same body, and aiohttp's parser the same again."""

import asyncio
import itertools

import pytest
from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpResponseParser
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.codec.http_body import Body, ChunkedBody, SizedBody, UnboundedBody

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def fed(body: Body, wire: bytes, cuts: list[int] | None = None) -> bytes:
    """What of the wire is the body, when it comes in these pieces."""
    points = sorted({0, len(wire), *(cut for cut in cuts or [] if cut < len(wire))})
    return b"".join(body.feed(wire[start:end]) for start, end in itertools.pairwise(points))


@st.composite
def chunks(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """A chunked body as servers may write it, chunk for chunk, and what is in it."""
    written, content = list[bytes](), b""
    for data in draw(st.lists(st.binary(min_size=1, max_size=40) | st.just(b"\r\n0\r\n\r\n"), max_size=6)):
        size = draw(st.sampled_from([b"%x", b"%x", b"%X", b"00%x", b"%x;name=value", b'%x ;q="a b"'])) % len(data)
        written.append(size + b"\r\n" + data + b"\r\n")
        content += data
    trailers = draw(st.lists(st.sampled_from([b"X-Sum: 1\r\n", b"Server-Timing: a;b\r\n"]), max_size=2))
    return [*written, b"0\r\n" + b"".join(trailers) + b"\r\n"], content


def wires() -> st.SearchStrategy[tuple[bytes, bytes]]:
    """The same in one."""
    return chunks().map(lambda written: (b"".join(written[0]), written[1]))


@given(wires(), st.lists(st.integers(1, 300), max_size=12))
def test_any_split_gives_the_same_body(written: tuple[bytes, bytes], cuts: list[int]) -> None:
    wire, content = written
    body = ChunkedBody()
    assert fed(body, wire, cuts) == content
    assert (body.is_over, body.is_broken) == (True, False)


@given(chunks(), st.sets(st.integers(0, 6)), st.integers(1, 60))
def test_chunks_that_come_each_by_itself_give_it_too(
    written: tuple[list[bytes], bytes], cut: set[int], at: int
) -> None:
    """They take a shorter way, unless one is cut."""
    wire, content = written
    body = ChunkedBody()
    pieces = [
        piece for number, chunk in enumerate(wire) for piece in ([chunk[:at], chunk[at:]] if number in cut else [chunk])
    ]
    assert b"".join(map(body.feed, pieces)) == content
    assert (body.is_over, body.is_broken) == (True, False)


@given(wires(), st.data())
def test_a_body_that_stops_before_its_end_is_broken(written: tuple[bytes, bytes], data: st.DataObject) -> None:
    wire, content = written
    body = ChunkedBody()
    assert content.startswith(fed(body, wire[: data.draw(st.integers(0, len(wire) - 1))]))
    assert not body.is_over
    body.end()
    assert body.is_broken


async def by_aiohttp(wire: bytes) -> bytes | None:
    """The whole body as aiohttp reads it; None if it is broken, or not over."""
    loop = asyncio.get_running_loop()
    parser = HttpResponseParser(
        ResponseHandler(loop), loop, 65_536, payload_exception=ClientPayloadError, auto_decompress=False
    )
    try:
        ((_, payload),), _, _ = parser.feed_data(HEAD + wire)
        assert isinstance(payload, StreamReader)
        return await payload.read() if payload.is_eof() and payload.exception() is None else None
    except Exception:  # noqa: BLE001 - whatever it is called, it is no body
        return None


@example(b"1_0\r\n")
@example(b"+1\r\na\r\n0\r\n\r\n")
@example(b"0x1\r\na\r\n0\r\n\r\n")
@example(b"-1\r\n")
@example(b"-2\r\n")
@example(b"1\r\nab\r\n0\r\n\r\n")
@given(
    st.lists(st.sampled_from([b"0", b"1", b"a", b"g", b";", b" ", b"\r\n", b"-", b"_", b"x"]), max_size=12).map(
        b"".join
    )
)
def test_what_aiohttp_takes_for_no_body_is_none(wire: bytes) -> None:
    body = ChunkedBody()
    content = fed(body, wire)
    if body.is_over and not body.is_broken:
        assert asyncio.run(by_aiohttp(wire)) == content


@pytest.mark.parametrize(
    "wire",
    [
        b"rubbish\r\n",
        b"3\r\nabcd\r\n",
        b"\r\n",
        b"-2\r\n",
        b"1000000000000000\r\n",
        b"1;" + b"x" * 9000,
        b"0\r\n" + b"X: " + b"x" * 9000,
        b"0\r\n" + b"X-A: 1\r\n" * 10_000,
        b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_what_is_no_body_is_told(wire: bytes, step: int) -> None:
    body = ChunkedBody()
    content = fed(body, wire, list(range(0, len(wire), step)))
    assert body.is_broken
    assert content in (b"", b"abc")
    assert body.feed(b"more") == b""


def test_a_line_may_end_without_its_cr() -> None:
    """As aiohttp allows it."""
    for step in (1, 100):
        body, wire = ChunkedBody(), b"2\nab\n1\nc\n0\n\n"
        assert fed(body, wire, list(range(0, len(wire), step))) == b"abc"
        assert (body.is_over, body.is_broken) == (True, False)


@given(st.binary(max_size=30), st.integers(0, 20), st.lists(st.integers(1, 30), max_size=5))
def test_a_body_of_a_known_size(wire: bytes, size: int, cuts: list[int]) -> None:
    body = SizedBody(size)
    assert fed(body, wire, cuts) == wire[:size]
    assert (body.is_over, body.is_broken) == (len(wire) >= size, len(wire) > size)
    body.end()
    assert body.is_broken == (len(wire) != size)


def test_a_body_that_ends_with_its_connection() -> None:
    body = UnboundedBody()
    assert body.feed(b"any") == b"any"
    assert not body.is_over
    body.end()
    assert (body.is_over, body.is_broken) == (True, False)
