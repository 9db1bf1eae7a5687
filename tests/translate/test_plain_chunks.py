"""The short way for plain chunks says what the long way says, whatever stands in the chunks."""

import itertools
import json
from collections.abc import Callable, Sequence
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings, Quirks
from gateway.translate.chat_reader import ChatReader
from gateway.translate.event_writer import DeltaFrames, EventWriter
from gateway.translate.plain_chunks import PlainChunks
from gateway.translate.signals import Failure, Text, Texts
from gateway.translate.text_run import TextRun
from tests.fakes import chat
from tests.translate.planning import plan_of
from tests.translate.translations import translation_of

TEXTS = st.text(max_size=6) | st.sampled_from(['"', "\\", '","content":"x', "a", "b", "\ud83d", "\u20ac", "<think>"])
NOTHING: st.SearchStrategy[object] = st.sampled_from([None, "", [], {}])

CHUNKS = st.builds(
    lambda text, chunk, choice, delta: {
        "id": "c",
        "object": "chat.completion.chunk",
        **chunk,
        "choices": [{"index": 0, "delta": {"content": text, **delta}, **choice}],
    },
    TEXTS,
    st.just({})
    | st.fixed_dictionaries(
        {},
        optional={
            "created": st.integers(0, 1),
            "usage": NOTHING | st.just({"prompt_tokens": 1, "completion_tokens": 2}),
            "error": NOTHING | st.just({"message": "no"}),
            "content": TEXTS,
            "base_resp": st.just({"status_code": 1}),
        },
    ),
    st.just({})
    | st.fixed_dictionaries(
        {},
        optional={
            "index": st.integers(0, 1),
            "finish_reason": NOTHING | st.just("stop"),
            "logprobs": NOTHING | st.just({"content": [{"token": "a", "logprob": -1.0}]}),
            "message": NOTHING | st.just({"content": "m"}),
            "content": TEXTS,
        },
    ),
    st.just({})
    | st.fixed_dictionaries(
        {},
        optional={
            "role": st.just("assistant"),
            "reasoning_content": NOTHING | TEXTS,
            "refusal": NOTHING | TEXTS,
            "tool_calls": NOTHING | st.just([{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]),
        },
    ),
)

_NO_TEXTS = staticmethod(lambda *_: [])
_NO_FRAMES = staticmethod(lambda *_: b"")
"""In place of `PlainChunks.texts` and `TextRun.feed`: then every chunk goes the long way."""

Form = Callable[[JSONObject], bytes]

FORMS: st.SearchStrategy[Form] = st.sampled_from(
    [
        lambda chunk: json.dumps(chunk).encode(),
        lambda chunk: json.dumps(chunk, separators=(",", ":")).encode(),
        lambda chunk: json.dumps(chunk, ensure_ascii=False).encode("utf-8", "surrogatepass"),
    ]
)


def frames_of(pieces: Sequence[bytes], quirks: Quirks) -> list[bytes]:
    """What a client gets for each piece of the answer, and at its end."""
    provider = ProviderSettings(name="up", base_url="http://up", quirks=quirks)
    translation = translation_of(plan_of(quirks=quirks, stream=True), provider)
    return [*map(translation.feed, pieces), translation.finish()]


def run_of(reader: ChatReader) -> TextRun:
    """The short way that the reader offers now, into a part of its own."""
    run = reader.text_run()
    assert run is not None
    return run.into([], DeltaFrames("d", b'"x":1'), EventWriter())


def events_of(chunks: Sequence[JSONObject], texts: Sequence[str], form: Form) -> list[bytes]:
    """Each chunk, followed by others that differ in their text alone, so that its form is learned and used."""
    events = []
    for chunk in chunks:
        for text in [chunk["choices"][0]["delta"]["content"], *texts]:
            chunk["choices"][0]["delta"]["content"] = text
            events.append(b"data: %b\n\n" % form(chunk))
    return events


@given(
    chunks=st.lists(CHUNKS, min_size=1, max_size=3),
    texts=st.lists(TEXTS, min_size=3, max_size=8),
    form=FORMS,
    quirks=st.just(Quirks()) | st.sampled_from([Quirks(think_tags="on"), Quirks(content_mode="cumulative")]),
    cuts=st.tuples(st.integers(1, 4), st.lists(st.integers(0, 2000), max_size=3)),
)
@settings(max_examples=400)
def test_the_short_way_says_what_the_long_way_says(
    chunks: list[JSONObject], texts: list[str], form: Form, quirks: Quirks, cuts: tuple[int, list[int]]
) -> None:
    """Most pieces are some whole events, as those of busy sockets are."""
    batch, others = cuts
    events = events_of(chunks, texts, form)
    body = b"".join(events)
    ends = itertools.accumulate(map(len, events))
    points = sorted({0, *list(ends)[batch - 1 :: batch], *(cut for cut in others if cut < len(body)), len(body)})
    pieces = [body[start:end] for start, end in itertools.pairwise(points)]
    short = frames_of(pieces, quirks)
    with patch.object(PlainChunks, "texts", _NO_TEXTS), patch.object(TextRun, "feed", _NO_FRAMES):
        assert short == frames_of(pieces, quirks)


@given(middle=st.binary(max_size=20))
def test_only_one_whole_string_is_taken_for_the_text(middle: bytes) -> None:
    head, tail = b'{"choices":[{"delta":{"content":"', b'"}}]}'
    plain = PlainChunks()
    plain.learn(head + b"x" + tail, orjson.loads(head + b"x" + tail))
    texts = plain.texts([(b"", head + middle + tail)], 0)
    try:
        expected = orjson.loads(head + middle + tail)
    except orjson.JSONDecodeError:
        expected = None
    assert not texts or expected == {"choices": [{"delta": {"content": texts[0]}}]}


def test_plain_chunks_are_read_without_being_parsed() -> None:
    plain = PlainChunks()
    first, second = (chat.chunk({"content": text})[6:-2] for text in ("Hel", 'l"o\u20ac'))
    assert plain.head == b""
    plain.learn(first, orjson.loads(first))
    assert plain.texts([(b"", first), (b"", second), (b"error", first), (b"", first)], 0) == ["Hel", 'l"o\u20ac']


@pytest.mark.parametrize(
    "decoy", ['"content":"%s"', '"x":{"choices":[{"delta":{"content":"%s"}}]}', '"x":[{"content":"%s"}]']
)
def test_a_text_in_another_place_is_not_taken_for_the_text(decoy: str) -> None:
    chunks = [f'{{{decoy % text},"choices":[{{"delta":{{"content":"a"}}}}]}}' for text in "ab"]
    _, second, _ = frames_of([b"data: %b\n\n" % chunk.encode() for chunk in chunks], Quirks())
    assert b'"delta":"a"' in second


@pytest.mark.parametrize("between", [b": a comment ", b"event: error\n", b"data: [DONE]\n\n", b"data: 1\n", b""])
def test_what_stands_between_plain_chunks_has_its_effect(between: bytes) -> None:
    event = chat.chunk({"content": "a"})
    pieces = [event, event, between, event, b"\n\n", event]
    short = frames_of(pieces, Quirks())
    with patch.object(PlainChunks, "texts", _NO_TEXTS), patch.object(TextRun, "feed", _NO_FRAMES):
        assert short == frames_of(pieces, Quirks())


def test_a_body_that_is_too_large_is_noticed_on_the_short_way_too() -> None:
    reader = ChatReader(Quirks(), max_event_bytes=1 << 20, max_response_bytes=1000)
    event = chat.chunk({"content": "a"})
    assert [reader.feed(event) for _ in range(2)] == [[Text("a")], [Texts(["a"])]]
    run = run_of(reader)
    taken = list(itertools.takewhile(bool, (run.feed(event) for _ in range(99))))
    assert len(event) * (len(taken) + 3) > 1000
    assert isinstance(reader.feed(event)[-1], Failure)


def test_nothing_is_read_the_short_way_after_a_failure() -> None:
    event, large = chat.chunk({"content": "a"}), chat.chunk({"content": "a" * 1000})

    def reader() -> ChatReader:
        made = ChatReader(Quirks(), max_event_bytes=1 << 20, max_response_bytes=1000)
        assert [made.feed(event) for _ in range(2)] == [[Text("a")], [Texts(["a"])]]
        assert run_of(made).feed(event)
        return made

    too_large, broken = reader(), reader()
    assert isinstance(too_large.feed(large)[-1], Failure)
    assert isinstance(broken.fail(GatewayError(ErrorKind.UPSTREAM_ERROR, "cut"))[-1], Failure)
    assert (too_large.text_run(), broken.text_run()) == (None, None)


def test_an_upstream_that_never_sends_two_alike_is_given_up() -> None:
    plain = PlainChunks()
    datas = [chat.chunk({"content": "a"})[6:-2].replace(b"{", b'{"n":%d,' % number, 1) for number in range(20)]
    for data in datas:
        plain.learn(data, orjson.loads(data))
    assert not datas[-1].startswith(plain.head)
