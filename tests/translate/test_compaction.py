"""Compaction: a summary is asked for, sealed, and unfolded in later input."""

import orjson
import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.compaction import SUMMARY_OPENING, SUMMARY_REQUEST
from gateway.translate.request import ChatPlan, plan, read_request
from tests.official import StreamCheck, check_stream
from tests.translate.planning import plan_of
from tests.translate.test_chat_reader import DONE, delta, sse
from tests.translate.translations import translation_of

TRIGGER = {"type": "compaction_trigger"}
HISTORY: list[JSONObject] = [
    {"role": "user", "content": "Fix the bug"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "ok"},
]
TOOL = {"type": "function", "name": "f", "parameters": {}}


def planned(quirks: Quirks | None = None, **members: JSONValue) -> ChatPlan:
    return plan_of(input=[*HISTORY, TRIGGER], stream=True, quirks=quirks or Quirks(), **members)


def answered(*chunks: JSONObject, reason: str = "stop") -> StreamCheck:
    one = translation_of(planned())
    return check_stream(one.begin() + one.feed(sse(*chunks, delta(reason)) + DONE))


def test_the_trigger_asks_for_a_summary_after_the_whole_conversation() -> None:
    messages = planned().body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[-1]["content"] == SUMMARY_REQUEST


def test_the_tools_stay_declared_where_a_call_can_be_ruled_out() -> None:
    body = planned(tools=[TOOL], text={"format": {"type": "json_object"}}).body
    assert (len(body["tools"]), body["tool_choice"]) == (1, "none")
    assert "response_format" not in body
    body = planned(Quirks(tool_choice=("auto",)), tools=[TOOL], parallel_tool_calls=True).body
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


@pytest.mark.parametrize("items", [[TRIGGER, *HISTORY], [TRIGGER, TRIGGER]])
def test_a_trigger_anywhere_but_at_the_end_is_refused(items: list[JSONObject]) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=items)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_VALUE, "input[0]")


def test_the_answer_is_exactly_one_compaction_item() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    stream = answered(
        delta(reasoning_content="Hm."), delta(content="The "), delta(tool_calls=[call]), delta(content="end")
    )
    assert [item["type"] for item in stream.response["output"]] == ["compaction"]
    assert stream.types[2:] == ["response.output_item.added", "response.output_item.done", "response.completed"]


def test_the_summary_is_unfolded_in_later_input() -> None:
    item = answered(delta(content="It was "), delta(content="fixed.\n")).response["output"][0]
    later = read_request({"model": "up/m", "input": [item, {"role": "user", "content": "And now?"}]})
    messages = plan(later, model="m", quirks=Quirks(), strict=True, unseal=bytes.fromhex).body["messages"]
    assert messages == [
        {"role": "user", "content": f"{SUMMARY_OPENING}It was fixed."},
        {"role": "user", "content": "And now?"},
    ]


def test_an_answer_without_a_summary_fails() -> None:
    stream = answered(delta(reasoning_content="Hm."))
    assert stream.response["status"] == "failed"
    assert stream.response["output"] == []


def test_a_summary_that_was_cut_is_not_passed_off_as_one() -> None:
    stream = answered(delta(content="It w"), reason="length")
    assert (stream.response["status"], stream.response["output"]) == ("incomplete", [])


def test_a_foreign_compaction_item_is_reported_and_left_out() -> None:
    foreign = {"type": "compaction", "encrypted_content": "gAAAA"}
    result = plan_of(input=[foreign, *HISTORY])
    assert result.dropped == ("input[0]:compaction",)
    assert orjson.dumps(result.body).count(b"Fix the bug") == 1
