"""The validator itself: a right stream passes, and each single fault in it is found."""

from collections.abc import Callable

import pytest

from gateway.codec.json import JSONObject, JSONValue
from tests.event_rules import StreamCheck
from tests.fakes.events import FAILURE, USAGE, encode, failed_events, find, good_events, numbered, response
from tests.official import BEYOND_THE_SDK, Violation, check_error, check_response, check_stream, read_frames

Break = Callable[[list[JSONObject]], object]


def drop(name: str, nth: int = 0) -> Break:
    """Leave one event out, with sequence numbers that are right again."""

    def change(events: list[JSONObject]) -> None:
        events.remove(find(events, name, nth))
        events[:] = numbered(events)

    return change


def put(name: str, path: str, value: object, nth: int = 0) -> Break:
    """Set one member, by a dotted path, in the event of that type."""

    def change(events: list[JSONObject]) -> None:
        *way, last = path.split(".")
        inside(find(events, name, nth), way)[last] = value

    return change


def lose(name: str, path: str, nth: int = 0) -> Break:
    """Delete one member, by a dotted path."""

    def change(events: list[JSONObject]) -> None:
        *way, last = path.split(".")
        del inside(find(events, name, nth), way)[last]

    return change


def inside(value: JSONValue, way: list[str]) -> JSONValue:
    for key in way:
        value = value[int(key) if key.isdigit() else key]
    return value


def swap(first: int) -> Break:
    def change(events: list[JSONObject]) -> None:
        events[first], events[first + 1] = events[first + 1], events[first]
        events[:] = numbered(events)

    return change


def insert(index: int, event: JSONObject) -> Break:
    def change(events: list[JSONObject]) -> None:
        events.insert(index, event)
        events[:] = numbered(events)

    return change


IN_PROGRESS: JSONObject = {"type": "response.in_progress", "response": response("in_progress", [])}

FAULTS: dict[str, Break] = {
    "no created": drop("response.created"),
    "no reasoning item added": drop("response.output_item.added"),
    "no message item added": drop("response.output_item.added", 1),
    "no content part added": drop("response.content_part.added"),
    "no summary part added": drop("response.reasoning_summary_part.added"),
    "a delta is missing": drop("response.output_text.delta"),
    "an arguments delta is missing": drop("response.function_call_arguments.delta"),
    "no text done": drop("response.output_text.done"),
    "no content part done": drop("response.content_part.done"),
    "no summary text done": drop("response.reasoning_summary_text.done"),
    "no arguments done": drop("response.function_call_arguments.done"),
    "no item done": drop("response.output_item.done", 1),
    "no call done": drop("response.output_item.done", 2),
    "no terminal event": drop("response.completed"),
    "two terminal events": lambda events: insert(len(events), events[-1])(events),
    "an event after the end": lambda events: insert(len(events), {"type": "keepalive"})(events),
    "a gap in the sequence": put("response.output_text.done", "sequence_number", 99),
    "the sequence starts at one": lambda events: [
        event.update(sequence_number=n + 1) for n, event in enumerate(events)
    ],
    "no sequence number": lose("response.output_text.done", "sequence_number"),
    "a sequence number in a string": put("response.output_text.done", "sequence_number", "12"),
    "keepalive before created": insert(0, {"type": "keepalive"}),
    "keepalive with a payload": put("keepalive", "note", "hello"),
    "in_progress after an item": insert(5, IN_PROGRESS),
    "another response id": put("response.completed", "response.id", "resp_2"),
    "another model at the end": put("response.completed", "response.model", "demo/other"),
    "another time at the end": put("response.completed", "response.created_at", 6),
    "an output index that is skipped": put("response.output_item.added", "output_index", 3, 2),
    "an output index that is used twice": put("response.output_item.added", "output_index", 0, 1),
    "a delta for another index": put("response.output_text.delta", "output_index", 0),
    "a delta for another item": put("response.output_text.delta", "item_id", "msg_2"),
    "a delta for another part": put("response.output_text.delta", "content_index", 1),
    "done with another item id": put("response.output_item.done", "item.id", "msg_2", 1),
    "done with another call id": put("response.output_item.done", "item.call_id", "call_2", 2),
    "done with another name": put("response.output_item.done", "item.name", "g", 2),
    "done with other arguments": put("response.output_item.done", "item.arguments", "{}", 2),
    "arguments done with others": put("response.function_call_arguments.done", "arguments", "{}"),
    "text done with another text": put("response.output_text.done", "text", "Hell"),
    "part done with another text": put("response.content_part.done", "part.text", "Hell"),
    "item done with another text": put("response.output_item.done", "item.content.0.text", "Hell", 1),
    "logprobs lost at the end": put("response.output_text.done", "logprobs", []),
    "logprobs lost in the part": put("response.content_part.done", "part.logprobs", []),
    "the final output is empty": put("response.completed", "response.output", []),
    "the final text differs": put("response.completed", "response.output.1.content.0.text", "Hell"),
    "final items in another order": lambda events: events[-1]["response"]["output"].reverse(),
    "a message without content": lose("response.output_item.added", "item.content", 1),
    "reasoning without summary": lose("response.output_item.added", "item.summary"),
    "a call without arguments": lose("response.output_item.added", "item.arguments", 2),
    "a call without status": lose("response.output_item.done", "item.status", 2),
    "a call that starts with arguments": put("response.output_item.added", "item.arguments", "{", 2),
    "a message that starts completed": put("response.output_item.added", "item.status", "completed", 1),
    "an item without id": lose("response.output_item.added", "item.id", 2),
    "an upstream's id on an item": put("response.output_item.added", "item.id", "chatcmpl-1", 1),
    "an incomplete item in a completed response": put("response.output_item.done", "item.status", "incomplete", 1),
    "annotations are missing": lose("response.content_part.added", "part.annotations"),
    "logprobs are null": put("response.content_part.added", "part.logprobs", None),
    "phase is null": put("response.output_item.done", "item.phase", None, 1),
    "encrypted content is null": put("response.output_item.done", "item.encrypted_content", None),
    "an unknown event": put("keepalive", "type", "response.reasoning.delta"),
    "an unknown key of an event": put("response.output_text.delta", "note", 1),
    "an unknown key of a response": put("response.completed", "response.end_turn", False),
    "an unknown key of an item": put("response.output_item.done", "item.note", 1, 1),
    "an unknown item type": put("response.output_item.added", "item.type", "vendor:thought"),
    "usage before the end": put("response.created", "response.usage", USAGE),
    "no usage at the end": put("response.completed", "response.usage", None),
    "usage without details": lose("response.completed", "response.usage.input_tokens_details"),
    "usage details that are null": put("response.completed", "response.usage.output_tokens_details", None),
    "a negative count": put("response.completed", "response.usage.total_tokens", -1),
    "a count in a string": put("response.completed", "response.usage.total_tokens", "7"),
    "completed with an error": put("response.completed", "response.error", FAILURE),
    "completed without a time": put("response.completed", "response.completed_at", None),
    "completed before it began": put("response.completed", "response.completed_at", 4),
    "completed with incomplete details": put("response.completed", "response.incomplete_details", {"reason": None}),
    "completed that says in_progress": put("response.completed", "response.status", "in_progress"),
    "created that says completed": put("response.created", "response.status", "completed"),
    "created with output": lambda events: put("response.created", "response.output", events[-1]["response"]["output"])(
        events
    ),
    "a time with fractions": put("response.created", "response.created_at", 5.5),
    "a temperature that is null": put("response.created", "response.temperature", None),
    "a member is missing": lose("response.created", "response.safety_identifier"),
    "verbosity is missing": lose("response.created", "response.text.verbosity"),
    "a tool echo without strict": lose("response.created", "response.tools.0.strict"),
    "a delta that is a number": put("response.output_text.delta", "delta", 1),
    "events swapped": swap(3),
    "the part ends before its text": swap(12),
}


def test_a_right_stream_passes_and_is_summed_up() -> None:
    stream = check_stream(encode(good_events()))
    assert isinstance(stream, StreamCheck)
    assert (stream.reasoning, stream.text, stream.refusal) == ("hm", "Hello", "")
    assert [call["call_id"] for call in stream.calls] == ["call_1"]
    assert stream.types[0] == "response.created"
    assert stream.response["status"] == "completed"


def test_a_stream_that_failed_truthfully_passes() -> None:
    assert check_stream(encode(failed_events())).response["error"] == FAILURE


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_is_found(fault: Break) -> None:
    events = good_events()
    fault(events)
    with pytest.raises(Violation):
        check_stream(encode(events))


def test_a_broken_call_must_not_look_finished() -> None:
    events = failed_events()
    done = {"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 2}
    position = events.index(find(events, "response.output_item.done", 2))
    insert(position, done | {"arguments": '{"a":1}'})(events)
    with pytest.raises(Violation, match="would run it"):
        check_stream(encode(events))


def test_codes_that_only_codex_knows_are_accepted_and_others_are_not() -> None:
    events = failed_events()
    events[-1]["response"]["error"]["code"] = "server_is_overloaded"
    check_stream(encode(events))
    events[-1]["response"]["error"]["code"] = "made_up"
    with pytest.raises(Violation, match="code"):
        check_stream(encode(events))


def test_a_second_item_may_not_open_before_the_first_is_done() -> None:
    events = good_events()
    added = find(events, "response.output_item.added", 2)
    events.remove(added)
    events.insert(events.index(find(events, "response.output_item.done", 1)), added)
    with pytest.raises(Violation, match="another is open"):
        check_stream(encode(numbered(events)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n", b"\r\n"),
        (b"data: [DONE]\n\n", b""),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n\n"),
        (b"data: [DONE]\n\n", b"event: done\ndata: [DONE]\n\n"),
        (b"data: [DONE]\n\n", b"data: [DONE]"),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\ndata: [DONE]\n\n"),
        (b"event: response.created\n", b""),
        (b"event: response.created\n", b"event: response.in_progress\n"),
        (b"event: response.created\n", b"event: response.created\nid: 1\n"),
        (b"event: keepalive\n", b": ping\n\nevent: keepalive\n"),
        (b"event: keepalive\n", b"event: keepalive\n\nevent: keepalive\n"),
        (b"data: {", b"data:{"),
        (b"Hel", b"\xff"),
        (b"Hel", b"\xed\xa0\x80"),
    ],
)
def test_framing_is_exact(old: bytes, new: bytes) -> None:
    body = encode(good_events())
    assert old in body
    with pytest.raises(Violation):
        check_stream(body.replace(old, new))


def test_comments_pass_only_where_they_are_allowed() -> None:
    body = encode(good_events()).replace(b"event: keepalive\n", b": ping\n\nevent: keepalive\n")
    check_stream(body, comments=True)
    with pytest.raises(Violation):
        check_stream(body)


def test_a_prefix_can_be_read_when_it_is_made_of_whole_frames() -> None:
    body = encode(good_events())
    end = body.index(b"\n\n") + 2
    assert [event["type"] for event in read_frames(body[:end], whole=False)] == ["response.created"]
    with pytest.raises(Violation):
        list(read_frames(body[: end - 1], whole=False))


def test_a_json_answer_is_held_to_the_same_rules() -> None:
    answer = good_events()[-1]["response"]
    check_response(answer)
    for key in answer:
        with pytest.raises((Violation, KeyError)):
            check_response({member: value for member, value in answer.items() if member != key})
    for member, value in {"status": "in_progress", "output": None, "usage": None, "note": 1}.items():
        with pytest.raises(Violation):
            check_response(answer | {member: value})


def test_calls_with_the_same_call_id_are_found() -> None:
    answer = good_events()[-1]["response"]
    twin = answer["output"][2] | {"id": "fc_2"}
    with pytest.raises(Violation, match="used twice"):
        check_response(answer | {"output": [*answer["output"], twin]})


def test_error_bodies_have_all_four_members() -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": None, "code": "invalid_type"}
    check_error({"error": error})
    broken: list[JSONObject] = [{"error": {k: v for k, v in error.items() if k != key}} for key in error]
    broken += [{"error": error | {"code": None}}, {"error": error | {"message": ""}}, {"error": error, "id": 1}]
    broken += [{"error": "no"}, {"error": error | {"param": 1}}, {"error": error | {"note": 1}}, {"detail": "no"}]
    for body in broken:
        with pytest.raises(Violation):
            check_error(body)


def test_every_exception_from_the_sdk_has_a_reason() -> None:
    assert all(BEYOND_THE_SDK.values())
