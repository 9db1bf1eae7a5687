"""Short ways to plan a request, and the order of messages that every upstream insists on."""

from gateway.codec.json import JSONObject, JSONValue
from gateway.settings import Quirks
from gateway.translate.request import ChatPlan, plan, read_request

PLAIN = Quirks()


def plan_of(*, quirks: Quirks = PLAIN, strict: bool = False, **members: JSONValue) -> ChatPlan:
    """The plan for a request with these members; the model and the input may be left out."""
    body = {"model": "up/m", "input": "hi"} | members
    return plan(read_request(body), model="m", quirks=quirks, strict=strict)


def messages_of(items: list[JSONObject], *, quirks: Quirks = PLAIN, **members: JSONValue) -> list[JSONObject]:
    """The messages for these input items, checked for their order."""
    messages: list[JSONObject] = plan_of(input=items, quirks=quirks, **members).body["messages"]
    check_order(messages)
    return messages


def check_order(messages: list[JSONObject]) -> None:
    """Every call is answered once and at once, ids are unique, and no assistant message is empty."""
    waiting: list[str] = []
    seen: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            assert waiting, "a tool message without a call before it"
            assert message["tool_call_id"] == waiting.pop(0)
            assert isinstance(message["content"], str)
            continue
        assert not waiting, "a call without its result"
        if message["role"] == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls", [])]
            assert waiting or message["content"]
            assert seen.isdisjoint(waiting)
            assert len(set(waiting)) == len(waiting)
            seen.update(waiting)
    assert not waiting


def user(text: str) -> JSONObject:
    return {"role": "user", "content": text}


def assistant(text: str) -> JSONObject:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def call(call_id: str, name: str = "f", arguments: str = "{}", **more: str) -> JSONObject:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def output(call_id: str, value: JSONValue = "out") -> JSONObject:
    return {"type": "function_call_output", "call_id": call_id, "output": value}


def function(name: str, **more: JSONValue) -> JSONObject:
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}, **more}
