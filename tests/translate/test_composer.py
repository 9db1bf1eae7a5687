"""The composer: signals in, the one right sequence of events out; and its invariants for any signals."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ReasoningEvents
from gateway.translate.composer import Composer
from gateway.translate.response_object import ResponseObject
from gateway.translate.sealed import Seal, SealedReasoning, decode
from gateway.translate.signals import (
    Annotation,
    CallArguments,
    CallStart,
    Failure,
    Finish,
    MessageStart,
    Opaque,
    Outcome,
    PartEnd,
    Reasoning,
    ReasoningStart,
    Refusal,
    Signal,
    Text,
    Usage,
    Whole,
)
from gateway.translate.tools import ToolKind, ToolMap, ToolOrigin
from gateway.translate.transitions import TRANSITIONS, Open
from tests.official import StreamCheck, check_stream
from tests.translate.planning import plan_of

DONE = Finish(Outcome.COMPLETED, Usage(3, 2, 5))
CUT = Finish(Outcome.MAX_OUTPUT_TOKENS, Usage(3, 2, 5))
FAILURE = Failure(GatewayError(ErrorKind.UPSTREAM_ERROR, "The upstream closed the stream before its end."))

ORIGINS = {
    "patch": ToolOrigin(ToolKind.CUSTOM, "patch", None),
    "ns__read": ToolOrigin(ToolKind.FUNCTION, "read", "ns"),
    "tool_search": ToolOrigin(ToolKind.TOOL_SEARCH, "tool_search", None),
    "local_shell": ToolOrigin(ToolKind.LOCAL_SHELL, "local_shell", None),
    "shell": ToolOrigin(ToolKind.SHELL, "shell", None),
    "apply_patch": ToolOrigin(ToolKind.APPLY_PATCH, "apply_patch", None),
}
TOOLS = ToolMap(ORIGINS, frozenset({"forbidden"}))


def composer(reasoning: ReasoningEvents = "summary", seal: Seal | None = None) -> Composer:
    numbers = itertools.count()
    return Composer(
        ResponseObject("resp_1", 1_700_000_000, plan_of().echo),
        TOOLS,
        mint_id=lambda prefix: f"{prefix}_{next(numbers)}",
        reasoning_events=reasoning,
        seal=seal,
        provider="up",
        input_bytes=8,
        now=lambda: 1_700_000_009,
    )


def stream_of(*signals: Signal, reasoning: ReasoningEvents = "summary", seal: Seal | None = None) -> StreamCheck:
    one = composer(reasoning, seal)
    return check_stream(one.begin() + one.compose(signals))


def events_of(*signals: Signal, reasoning: ReasoningEvents = "summary") -> list[str]:
    """The types of the events between `in_progress` and the terminal event, without their common prefix."""
    return [name.removeprefix("response.") for name in stream_of(*signals, reasoning=reasoning).types[2:-1]]


OPEN_TEXT = ["output_item.added", "content_part.added", "output_text.delta"]
CLOSE_TEXT = ["output_text.done", "content_part.done", "output_item.done"]
SUMMARY = [
    "output_item.added",
    "reasoning_summary_part.added",
    "reasoning_summary_text.delta",
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
    "output_item.done",
]
CALL = [
    "output_item.added",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
]
CUSTOM = [
    "output_item.added",
    "custom_tool_call_input.delta",
    "custom_tool_call_input.done",
    "output_item.done",
]


def test_text_is_one_item_with_one_part() -> None:
    stream = stream_of(Text("Hel"), Text("lo"), DONE)
    assert stream.types == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert stream.text == "Hello"
    assert stream.response["completed_at"] == 1_700_000_009
    assert stream.response["usage"]["total_tokens"] == 5


def test_reasoning_comes_before_text_as_a_summary() -> None:
    assert events_of(Reasoning("Hm."), Text("Yes"), DONE) == SUMMARY + OPEN_TEXT + CLOSE_TEXT


def test_reasoning_can_be_shown_as_reasoning_text() -> None:
    stream = stream_of(Reasoning("Hm."), Text("Yes"), DONE, reasoning="text")
    assert [name.removeprefix("response.") for name in stream.types[2:8]] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert stream.response["output"][0]["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert stream.response["output"][0]["summary"] == []


def test_reasoning_after_text_is_an_item_of_its_own() -> None:
    items = stream_of(Reasoning("a"), Text("b"), Reasoning("c"), Text("d"), DONE).response["output"]
    assert [item["type"] for item in items] == ["reasoning", "message", "reasoning", "message"]


def test_a_refusal_is_a_part_of_its_own() -> None:
    stream = stream_of(Text("Well, "), Refusal("no."), DONE)
    assert [part["type"] for part in stream.response["output"][0]["content"]] == ["output_text", "refusal"]
    assert stream.refusal == "no."


def test_calls_come_one_after_the_other() -> None:
    signals = (CallStart("c1", "f"), CallArguments("{}"), CallStart("c2", "ns__read"), CallArguments('{"a":1}'), DONE)
    assert events_of(*signals) == CALL + CALL
    first, second = stream_of(*signals).calls
    assert (first["call_id"], first["name"], first.get("namespace")) == ("c1", "f", None)
    assert (second["call_id"], second["name"], second["namespace"]) == ("c2", "read", "ns")


def test_a_call_without_id_gets_one() -> None:
    assert stream_of(CallStart("", "f"), CallArguments("{}"), DONE).calls[0]["call_id"].startswith("call_")


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert events_of(CallStart("c", "f"), DONE) == CALL
    assert stream_of(CallStart("c", "f"), DONE).calls[0]["arguments"] == "{}"


def test_a_freeform_call_carries_its_raw_input() -> None:
    signals = (CallStart("c", "patch"), CallArguments('{"input": "a\\n'), CallArguments('b"}'), DONE)
    assert list(dict.fromkeys(events_of(*signals))) == CUSTOM
    assert stream_of(*signals).response["output"][0]["input"] == "a\nb"


@pytest.mark.parametrize(
    ("arguments", "expected"), [('{"patch": "x"}', "x"), ("*** Begin", "*** Begin"), ('{"a": 1}', '{"a": 1}'), ("", "")]
)
def test_a_freeform_call_in_another_form_keeps_what_the_model_wrote(arguments: str, expected: str) -> None:
    pieces = [CallArguments(arguments)] if arguments else []
    assert stream_of(CallStart("c", "patch"), *pieces, DONE).response["output"][0]["input"] == expected


@pytest.mark.parametrize(
    ("name", "arguments", "member", "expected"),
    [
        ("tool_search", '{"query":"x"}', "arguments", {"query": "x"}),
        ("local_shell", '{"command":["ls"]}', "action", {"type": "exec", "command": ["ls"], "env": {}}),
        ("shell", '{"commands":["ls"]}', "action", {"commands": ["ls"], "timeout_ms": None, "max_output_length": None}),
        ("apply_patch", '{"type":"delete_file","path":"a"}', "operation", {"type": "delete_file", "path": "a"}),
    ],
)
def test_built_in_client_tools_come_back_in_their_own_form(
    name: str, arguments: str, member: str, expected: object
) -> None:
    signals = (CallStart("c", name), CallArguments(arguments), DONE)
    assert events_of(*signals) == ["output_item.added", "output_item.done"]
    assert stream_of(*signals).response["output"][0][member] == expected


def test_a_built_in_call_that_is_cut_is_left_out() -> None:
    assert stream_of(Text("a"), CallStart("c", "shell"), CallArguments('{"comm'), CUT).types[-2:] == [
        "response.output_item.done",
        "response.incomplete",
    ]


def test_a_forbidden_call_is_left_out() -> None:
    stream = stream_of(Text("a"), CallStart("c", "forbidden"), CallArguments("{}"), Text("b"), DONE)
    assert [item["type"] for item in stream.response["output"]] == ["message", "message"]


def test_a_truncated_answer_is_incomplete() -> None:
    stream = stream_of(Text("a"), CUT)
    assert stream.types[-1] == "response.incomplete"
    assert stream.response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert stream.response["output"][-1]["status"] == "incomplete"


def test_a_filtered_answer_without_output_stays_empty() -> None:
    stream = stream_of(Finish(Outcome.CONTENT_FILTER))
    assert stream.response["incomplete_details"] == {"reason": "content_filter"}
    assert stream.response["output"] == []


def test_a_truncated_call_is_closed_as_incomplete() -> None:
    assert events_of(CallStart("c", "f"), CallArguments('{"a'), CUT) == CALL
    assert stream_of(CallStart("c", "f"), CallArguments('{"a'), CUT).calls[0]["status"] == "incomplete"


def test_nobody_is_told_that_a_call_is_done_when_the_upstream_failed() -> None:
    signals = (Text("a"), CallStart("c", "f"), CallArguments('{"a":1}'), FAILURE)
    assert events_of(*signals)[-3:] == ["output_item.added", "function_call_arguments.delta", "output_item.done"]
    stream = stream_of(*signals)
    assert stream.types[-1] == "response.failed"
    assert stream.calls[0]["status"] == "incomplete"
    assert stream.response["error"]["code"] == "server_error"
    assert stream.text == "a"


@pytest.mark.parametrize("ending", [CUT, FAILURE])
def test_half_of_a_freeform_input_is_never_an_item_that_is_done(ending: Signal) -> None:
    stream = stream_of(CallStart("call_1", "patch"), CallArguments('{"input":"rm -rf bui'), ending)
    assert [name.removeprefix("response.") for name in stream.types[2:-1]] == CUSTOM[:2]
    (call,) = stream.response["output"]
    assert (call["status"], call["input"]) == ("incomplete", "rm -rf bui")


@pytest.mark.parametrize("before", [(), (Reasoning("Hm."),)])
def test_an_empty_answer_is_a_message_without_text(before: tuple[Signal, ...]) -> None:
    stream = stream_of(*before, DONE)
    assert stream.response["output"][-1]["content"][0]["text"] == ""


def test_usage_is_estimated_and_marked_when_there_is_none() -> None:
    usage = stream_of(Text("x" * 40), Finish(Outcome.COMPLETED)).response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["estimated"]) == (2, 10, True)


def test_log_probabilities_travel_with_their_delta() -> None:
    entry = {
        "token": "a",
        "logprob": -0.5,
        "bytes": None,
        "top_logprobs": [{"token": "b", "logprob": -1, "bytes": [98]}],
    }
    stream = stream_of(Text("a", [entry]), Text("b"), DONE)
    expected = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1.0, "bytes": [98]}],
    }
    deltas = [event["logprobs"] for event in stream.events if event["type"] == "response.output_text.delta"]
    assert deltas == [[expected], []]
    assert stream.response["output"][0]["content"][0]["logprobs"] == [expected]


def sealed_items(*signals: Signal) -> list[tuple[str, SealedReasoning | None]]:
    """Each output item's type, and what is sealed in it; here a seal is plain hexadecimal."""
    one = composer(seal=bytes.hex)
    output = check_stream(one.begin() + one.compose(signals)).response["output"]
    tokens = [item.get("encrypted_content") for item in output]
    opened = [decode(bytes.fromhex(token)) if token else None for token in tokens]
    assert all(one is None or isinstance(one, SealedReasoning) for one in opened)
    return [(item["type"], one) for item, one in zip(output, opened, strict=True)]  # type: ignore[misc]


DETAIL = Opaque("reasoning_details", [{"type": "reasoning.text", "text": "a", "index": 0}])
SIGNATURE = Opaque("reasoning_details", [{"type": "reasoning.text", "signature": "s", "index": 0}])
EXTRA = Opaque("extra_content", {"google": {"thought_signature": "g"}}, "c")


def test_reasoning_is_sealed_with_its_text_and_its_opaque_details() -> None:
    whole = [{"type": "reasoning.text", "text": "aa", "index": 0, "signature": "s"}]
    assert sealed_items(Reasoning("a"), DETAIL, Reasoning("b"), DETAIL, SIGNATURE, Text("t"), DONE) == [
        ("reasoning", SealedReasoning("ab", "up", whole)),
        ("message", None),
    ]


def test_the_signature_of_a_call_goes_into_a_reasoning_item_before_it() -> None:
    assert sealed_items(EXTRA, CallStart("c", "f"), CallArguments("{}"), DONE) == [
        ("reasoning", SealedReasoning(provider="up", extras={"c": {"google": {"thought_signature": "g"}}})),
        ("function_call", None),
    ]


def test_state_that_comes_after_the_reasoning_gets_an_item_at_the_end() -> None:
    assert [kind for kind, _ in sealed_items(Text("t"), SIGNATURE, Text("u"), DONE)] == ["message", "reasoning"]


def test_state_of_an_answer_that_was_cut_is_not_kept() -> None:
    assert [kind for kind, _ in sealed_items(Text("t"), SIGNATURE, CUT)] == ["message"]


def test_nothing_follows_the_end() -> None:
    one = composer()
    one.begin()
    assert one.compose([Text("a"), DONE]).endswith(b"data: [DONE]\n\n")
    assert one.compose([Text("b"), FAILURE]) == b""
    assert one.keep_alive() == b""


def test_a_heartbeat_repeats_in_progress_until_the_first_item_and_is_keepalive_after_it() -> None:
    one = composer()
    body = one.begin() + one.keep_alive() + one.compose([Text("a")])
    body += one.keep_alive() + one.compose([DONE])
    types = check_stream(body).types
    assert types[2] == "response.in_progress"
    assert types[6] == "keepalive"


def test_the_table_has_a_transition_for_every_signal_in_every_state() -> None:
    kinds = set(get_args(Signal))
    assert set(TRANSITIONS) == set(Open)
    assert all(set(row) == kinds for row in TRANSITIONS.values())


def test_items_and_parts_end_where_an_upstream_says_so() -> None:
    signals = (MessageStart("commentary"), Text("a"), PartEnd(), Text("b"), MessageStart(), Text("c"), DONE)
    first, second = stream_of(*signals).response["output"]
    assert [part["text"] for part in first["content"]] == ["a", "b"]
    assert (first["phase"], "phase" in second) == ("commentary", False)
    (reasoning, _) = stream_of(ReasoningStart(), Reasoning("a"), PartEnd(), Reasoning("b"), DONE).response["output"]
    assert [part["text"] for part in reasoning["summary"]] == ["a", "b"]


def test_an_annotation_belongs_to_the_text_that_is_open() -> None:
    stream = stream_of(Annotation({"n": 0}), Text("a"), Annotation(CITATION), PartEnd(), Annotation({"n": 1}), DONE)
    assert stream.types.count("response.output_text.annotation.added") == 1
    assert stream.response["output"][0]["content"][0]["annotations"] == [CITATION]


def test_a_whole_item_passes_with_an_id_and_a_status_of_its_own() -> None:
    call = {
        "type": "local_shell_call",
        "id": "x",
        "call_id": "c1",
        "action": {"type": "exec", "command": [], "env": {}},
    }
    items = stream_of(Text("a"), Whole(SEARCH), Whole(call), Whole(call), DONE).response["output"]
    assert [item["type"] for item in items] == ["message", "web_search_call", "local_shell_call", "local_shell_call"]
    assert items[1] == {**SEARCH, "id": items[1]["id"], "status": "completed"}
    assert items[1]["id"].startswith("ws_")
    assert items[2]["call_id"] == "c1"
    assert items[3]["call_id"].startswith("call_")


CITATION = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://example.com/", "title": "E"}
SEARCH = {"type": "web_search_call", "id": "up", "status": None, "action": {"type": "search", "query": "q"}}
TEXTS = st.text(min_size=1, max_size=20)
SIGNALS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Reasoning),
    TEXTS.map(Refusal),
    st.sampled_from(["", "commentary"]).map(MessageStart),
    st.sampled_from([ReasoningStart(), PartEnd(), Annotation(CITATION), Whole(SEARCH)]),
    st.sampled_from([DETAIL, SIGNATURE, EXTRA]),
    st.builds(CallStart, st.sampled_from(["", "c1", "c2"]), st.sampled_from(["f", "forbidden", *ORIGINS])),
    st.one_of(TEXTS, st.sampled_from(["{}", '{"input":"', '"}', '{"command":["ls"]}'])).map(CallArguments),
)
ENDS = st.one_of(st.builds(Finish, st.sampled_from(Outcome), st.none() | st.just(Usage(1, 2, 3))), st.just(FAILURE))


@given(
    st.lists(SIGNALS, max_size=25),
    ENDS,
    st.lists(st.integers(0, 26)),
    st.sampled_from(["summary", "text"]),
    st.sampled_from([None, bytes.hex]),
)
def test_any_signals_make_a_stream_that_every_client_can_read(
    signals: list[Signal], end: Signal, cuts: list[int], reasoning: ReasoningEvents, seal: Seal | None
) -> None:
    stream = stream_of(*signals, end, reasoning=reasoning, seal=seal)
    assert stream.text == "".join(signal.text for signal in signals if isinstance(signal, Text))
    in_pieces = composer(reasoning, seal)
    body = in_pieces.begin()
    for start, stop in itertools.pairwise(sorted({0, len(signals) + 1, *cuts})):
        body += in_pieces.compose([*signals, end][start:stop])
    whole = composer(reasoning, seal)
    assert body == whole.begin() + whole.compose([*signals, end])
