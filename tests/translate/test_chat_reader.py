"""The reader of Chat Completions answers: chunks in, signals out; what no single server of the corpus shows."""

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.chat_reader import ChatReader
from gateway.translate.signals import (
    CallArguments,
    CallStart,
    Failure,
    Finish,
    Opaque,
    Outcome,
    Reasoning,
    Refusal,
    Signal,
    Text,
    Texts,
    Usage,
)

PLAIN = Quirks()
DONE = b"data: [DONE]\n\n"


def reader(quirks: Quirks = PLAIN, *, max_event_bytes: int = 1 << 20, max_response_bytes: int = 1 << 22) -> ChatReader:
    return ChatReader(quirks, max_event_bytes=max_event_bytes, max_response_bytes=max_response_bytes)


def sse(*chunks: JSONValue) -> bytes:
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)


def delta(reason: str | None = None, **members: JSONValue) -> JSONObject:
    return {"choices": [{"index": 0, "delta": members, "finish_reason": reason}]}


def read(*pieces: bytes, quirks: Quirks = PLAIN) -> list[Signal]:
    one = reader(quirks)
    return [signal for piece in pieces for signal in one.feed(piece)] + one.finish()


def failure_of(signals: list[Signal]) -> tuple[ErrorKind, str]:
    last = signals[-1]
    assert isinstance(last, Failure)
    return last.error.kind, last.error.message


STOP = delta("stop")


@pytest.mark.parametrize(
    ("chunks", "signals"),
    [
        ([delta(content=text) for text in "abc"] + [STOP], [Text("a"), Texts(["b", "c"])]),
        ([delta(reasoning_content="r", reasoning="r"), STOP], [Reasoning("r")]),
        ([delta(reasoning_details=[{"text": "a"}, {"summary": "b"}, {"data": "x"}]), STOP], [Reasoning("ab")]),
        (
            [delta(content=[{"type": "thinking", "thinking": "r"}, {"text": "t"}, "x"]), STOP],
            [Reasoning("r"), Text("t")],
        ),
        ([delta(refusal="no"), STOP], [Refusal("no")]),
        ([delta(content="\n"), delta(content=" \n"), delta(content="a"), STOP], [Text("\n \na")]),
        (
            [
                delta(content="\n"),
                delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]),
            ],
            [CallStart("c", "f"), CallArguments("{}")],
        ),
        ([delta(content=" "), STOP], [Text(" ")]),
        ([delta(content=5, tool_calls="x", refusal=[]), {"choices": [None, 3]}, {"choices": "x"}, STOP], []),
        ([{"choices": [{"index": 1, "delta": {"content": "other"}}]}, STOP], []),
        ([{"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}], [Text("whole")]),
        ([delta(content="a"), {"choices": [{"message": {"content": "a"}}]}, STOP], [Text("a")]),
    ],
)
def test_chunks_become_signals(chunks: list[JSONObject], signals: list[Signal]) -> None:
    assert read(sse(*chunks), DONE) == [*signals, Finish(Outcome.COMPLETED)]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("stop", Outcome.COMPLETED),
        ("tool_calls", Outcome.COMPLETED),
        ("eos_token", Outcome.COMPLETED),
        ("something_new", Outcome.COMPLETED),
        ("length", Outcome.MAX_OUTPUT_TOKENS),
        ("model_length", Outcome.MAX_OUTPUT_TOKENS),
        ("SAFETY", Outcome.CONTENT_FILTER),
        ("content_filter", Outcome.CONTENT_FILTER),
    ],
)
def test_the_finish_reason_decides_the_outcome(reason: str, outcome: Outcome) -> None:
    assert read(sse(delta(content="a"), delta(reason))) == [Text("a"), Finish(outcome)]


@pytest.mark.parametrize("reason", ["error", "abort", "network_error", "insufficient_system_resource"])
def test_a_broken_generation_is_a_failure(reason: str) -> None:
    assert failure_of(read(sse(delta(content="a"), delta(reason)), DONE))[0] is ErrorKind.UPSTREAM_ERROR


def test_usage_is_waited_for_after_the_finish_reason() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
    one = reader()
    assert one.feed(sse(delta(content="a"), STOP)) == [Text("a")]
    assert one.feed(sse(usage)) == []
    assert one.feed(DONE) == [Finish(Outcome.COMPLETED, Usage(1, 2, 3))]


def test_done_without_a_reason_waits_for_the_end_of_the_body() -> None:
    """Some servers say it, too, where they break an answer off, and then cut the connection."""
    whole, broken = reader(), reader()
    body = sse(delta(content="a")) + DONE + sse(delta(content="late"))
    assert whole.feed(body) == broken.feed(body) == [Text("a")]
    assert whole.finish() == [Finish(Outcome.COMPLETED)]
    assert failure_of(broken.fail(GatewayError(ErrorKind.UPSTREAM_ERROR, "cut")))[1] == "cut"


def test_what_follows_the_end_is_ignored() -> None:
    one = reader()
    one.feed(sse(STOP) + DONE + sse(delta(content="late")))
    assert one.is_over
    assert one.feed(b"rubbish") == one.finish() == []


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", ErrorKind.UPSTREAM_ERROR, "empty answer"),
        (b": ping\n\n", ErrorKind.UPSTREAM_ERROR, "empty answer"),
        (sse(delta(content="a")), ErrorKind.UPSTREAM_ERROR, "before its end"),
        (sse(delta(content="a")) + b'data: {"choices": [{"del', ErrorKind.UPSTREAM_ERROR, "before its end"),
        (sse(delta(content="a")) + b"data: rubbish\n\n", ErrorKind.UPSTREAM_PROTOCOL, "not JSON: rubbish"),
        (b'data: {"choices": -Infinity}\n\n', ErrorKind.UPSTREAM_PROTOCOL, "not JSON"),
        (b"<html>busy</html>", ErrorKind.UPSTREAM_PROTOCOL, "HTML"),
        (b'{"detail": "nope"}', ErrorKind.UPSTREAM_ERROR, "nope"),
        (b'[{"error": {"message": "nope", "code": 429}}]', ErrorKind.RATE_LIMITED, "nope"),
        (b"{", ErrorKind.UPSTREAM_PROTOCOL, "not JSON"),
        (b"[1]", ErrorKind.UPSTREAM_PROTOCOL, "not JSON"),
        (sse({"error": "boom"}), ErrorKind.UPSTREAM_ERROR, "boom"),
        (sse({"base_resp": {"status_code": 1, "status_msg": "boom"}}), ErrorKind.UPSTREAM_ERROR, "boom"),
        (b'event: error\ndata: {"message": "boom"}\n\n', ErrorKind.UPSTREAM_ERROR, "boom"),
    ],
)
def test_an_answer_without_a_true_end_fails(body: bytes, kind: ErrorKind, words: str) -> None:
    for pieces in ([body], [body[i : i + 1] for i in range(len(body))]):
        found, message = failure_of(read(*pieces))
        assert found is kind
        assert words in message


@pytest.mark.parametrize(
    "noise",
    [
        b"data:\n\n",
        b"data: : OPENROUTER PROCESSING\n\n",
        b'data: {"type":"ping"}\n\n',
        b'data: "x"\n\n',
        b"data: 1\n\n",
    ],
)
def test_foreign_events_are_ignored(noise: bytes) -> None:
    assert read(noise + sse(delta(content="a")) + noise + sse(STOP)) == [Text("a"), Finish(Outcome.COMPLETED)]


def test_a_whole_json_answer_is_read_like_a_stream() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    message = {"role": "assistant", "reasoning_content": "r", "content": "t", "tool_calls": [call]}
    body = orjson.dumps({"object": "chat.completion", "choices": [{"message": message, "finish_reason": "tool_calls"}]})
    expected = [Reasoning("r"), Text("t"), CallStart("c", "f"), CallArguments('{"x":1}'), Finish(Outcome.COMPLETED)]
    marked = b"\xef\xbb\xbf" + body
    assert read(body) == read(b" \n" + body) == read(marked) == expected
    assert read(*(marked[i : i + 1] for i in range(len(marked)))) == expected


def test_log_probabilities_come_with_their_text() -> None:
    entries = [{"token": "a", "logprob": -1.0}]
    chunk = {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": entries}}]}
    assert read(sse(chunk, STOP))[0] == Text("a", entries)
    running = sse(delta(content="x"), chunk, STOP)
    assert read(running)[1] == Text("a", entries)


def test_surrogates_that_were_cut_apart_are_joined() -> None:
    halves = (
        rb'data: {"choices":[{"delta":{"content":"\ud83c"}}]}',
        rb'data: {"choices":[{"delta":{"content":"\udf89"}}]}',
    )
    body = b"\n\n".join(halves) + b"\n\n" + sse(STOP)
    assert read(body) == [Text("\U0001f389"), Finish(Outcome.COMPLETED)]
    assert read(halves[0] + b"\n\n" + sse(STOP))[0] == Text("\ufffd")


def test_an_event_or_an_answer_beyond_its_limit_is_a_failure() -> None:
    small = reader(max_event_bytes=100)
    assert failure_of(small.feed(b"data: " + b"x" * 200))[0] is ErrorKind.UPSTREAM_PROTOCOL
    short = reader(max_response_bytes=300)
    signals: list[Signal] = []
    while not short.is_over:
        signals = short.feed(sse(delta(content="a")))
    assert "larger than 300 bytes" in failure_of(signals)[1]


def test_opaque_state_is_kept_where_the_upstream_wants_it_back() -> None:
    details = [{"text": "a", "signature": "s"}, {"data": "x"}]
    call = {"id": "c", "extra_content": {"x": 1}, "function": {"name": "f", "arguments": "{}"}}
    body = sse(delta(reasoning_details=[*details, "rubbish"]), delta(tool_calls=[call]), STOP)
    quirks = Quirks(reasoning_field="reasoning_details", tool_extra_content=True)
    assert read(body, quirks=quirks) == [
        Reasoning("a"),
        Opaque("reasoning_details", details),
        Opaque("extra_content", {"x": 1}, "c"),
        CallStart("c", "f"),
        CallArguments("{}"),
        Finish(Outcome.COMPLETED),
    ]
    assert not any(isinstance(signal, Opaque) for signal in read(body))


def test_legacy_function_calls_count_only_without_tool_calls() -> None:
    legacy = {"name": "f", "arguments": "{}"}
    assert read(sse(delta(function_call=legacy), delta("function_call"))) == [
        CallStart("", "f"),
        CallArguments("{}"),
        Finish(Outcome.COMPLETED),
    ]
    both = delta(function_call=legacy, tool_calls=[{"index": 0, "id": "c", "function": legacy}])
    assert read(sse(both, STOP)) == [CallStart("c", "f"), CallArguments("{}"), Finish(Outcome.COMPLETED)]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "index",
                    "usage",
                    "error",
                    "logprobs",
                    "finish_reason",
                    "reasoning_content",
                    "reasoning_details",
                    "refusal",
                    "function_call",
                    "x_groq",
                    "text",
                    "type",
                    "thinking",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
DELTAS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("content", "reasoning", "tool_calls", "refusal", "function_call"), ANYTHING)
)
CHUNKS = ANYTHING | st.builds(lambda value: {"choices": [{"delta": value, "finish_reason": None}]}, DELTAS)


@given(st.lists(CHUNKS, max_size=6), st.binary(max_size=40), st.sampled_from(["off", "auto", "on"]))
def test_no_input_raises_and_the_last_signal_is_the_end(chunks: list[JSONValue], tail: bytes, tags: str) -> None:
    quirks = Quirks(think_tags=tags)  # type: ignore[arg-type]
    signals = read(sse(*chunks) + tail, quirks=quirks)
    ends = [signal for signal in signals if isinstance(signal, Finish | Failure)]
    assert ends == signals[-1:]
    assert all(signal.text for signal in signals if isinstance(signal, Text | Reasoning | Refusal))
    assert all(signal.fragment for signal in signals if isinstance(signal, CallArguments))


@given(st.lists(CHUNKS, max_size=5), st.lists(st.integers(0, 2000)))
def test_the_split_of_the_bytes_does_not_matter(chunks: list[JSONValue], cuts: list[int]) -> None:
    body = sse(*chunks) + sse(STOP) + DONE
    points = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    pieces = [body[start:stop] for start, stop in itertools.pairwise(points)]
    in_pieces, whole = read(*pieces), read(body)
    assert repr(in_pieces) == repr(whole)
