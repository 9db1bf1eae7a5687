"""Any history makes a Chat request that the strictest chat templates take, and nothing of it is lost in silence."""

import re
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.codec.json import JSONObject, JSONValue, dumps, loads
from gateway.errors import GatewayError
from gateway.settings import Quirks
from gateway.translate.request import ChatPlan, plan, read_request
from tests.translate.planning import function
from tests.translate.random_histories import histories, some

USER: JSONObject = {"role": "user", "content": "start"}
TOOLS: list[JSONObject] = [
    function("f"),
    {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}},
    {"type": "namespace", "name": "mcp__s", "tools": [function("f"), function("g" * 70)]},
    {"type": "tool_search", "execution": "client"},
    {"type": "shell"},
    {"type": "web_search"},
]

QUIRKS = st.builds(
    Quirks,
    system_role=st.sampled_from(["system", "developer"]),
    system_mode=st.sampled_from(["merge_first", "merge_first", "keep"]),
    assistant_null_content=st.sampled_from(["null", "empty", "omit"]),
    images=st.sampled_from(["url", "none"]),
    reasoning_field=st.sampled_from(
        ["reasoning_content", "reasoning", "reasoning_details", "thinking_parts", "think_tags", "none"]
    ),
    reasoning_scope=st.sampled_from(["all", "tool_turns"]),
    reasoning_required=st.booleans(),
    tool_extra_content=st.booleans(),
)

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
FILE = re.compile(r"data:text/plain;base64,([A-Za-z0-9+/=]+)")
MARKS = re.compile(r"m\d+x\d+m")


@settings(max_examples=1000)
@given(items=histories(), tools=st.sampled_from([[], TOOLS]), instructions=some(None, "Be brief."), quirks=QUIRKS)
def test_any_history_obeys_chat_templates_and_is_sent_or_reported(
    items: list[JSONObject], tools: list[JSONObject], instructions: str | None, quirks: Quirks
) -> None:
    sent = planned([*items, USER], tools=tools, instructions=instructions, quirks=quirks)
    check_messages(sent.body["messages"], quirks)
    check_tools(sent.body)
    check_order_of_user(items, sent.body["messages"])
    assert unreported(items, sent) == []


@settings(max_examples=300)
@given(items=histories(), quirks=QUIRKS)
def test_strict_mode_refuses_what_lenient_mode_reports_and_changes_nothing_else(
    items: list[JSONObject], quirks: Quirks
) -> None:
    lenient = planned([*items, USER], quirks=quirks)
    if lenient.dropped:
        with pytest.raises(GatewayError) as caught:
            planned([*items, USER], quirks=quirks, strict=True)
        assert caught.value.status == 400
        assert caught.value.param
    else:
        assert planned([*items, USER], quirks=quirks, strict=True) == lenient


def planned(
    items: list[JSONObject],
    *,
    quirks: Quirks,
    tools: list[JSONObject] | None = None,
    instructions: str | None = None,
    strict: bool = False,
) -> ChatPlan:
    body = {"model": "up/m", "input": items, "tools": tools, "instructions": instructions}
    return plan(read_request(body), model="m", quirks=quirks, strict=strict, provider="up", unseal=unseal)


def unseal(token: str) -> bytes | None:
    try:
        return bytes.fromhex(token)
    except ValueError:
        return None


def check_messages(messages: list[JSONObject], quirks: Quirks) -> None:
    """The strict rules: see the templates of Qwen, Mistral, Llama and DeepSeek."""
    waiting: list[str] = []
    ids: list[str] = []
    previous = ""
    for index, message in enumerate(messages):
        role = message["role"]
        assert role in (quirks.system_role, "user", "assistant", "tool")
        if role == "tool":
            assert message["tool_call_id"] == waiting.pop(0), "a result that is not the next one"
            assert isinstance(message["content"], str)
        else:
            assert not waiting, "a call without its result right behind it"
            assert not is_empty(message)
        if role == quirks.system_role:
            assert index == 0 or quirks.system_mode == "keep", "a second system message"
            assert isinstance(message["content"], str)
        if role == "assistant":
            assert previous != "assistant", "two messages of the assistant in a row"
            waiting = [check_call(call) for call in message.get("tool_calls", [])]
            ids += waiting
        previous = role
    assert not waiting
    assert len(ids) == len(set(ids))


def is_empty(message: JSONObject) -> bool:
    content: JSONValue = message.get("content")
    if isinstance(content, list):
        # A list is only for what is no text, and no part of it is empty.
        assert any(part["type"] != "text" for part in content)
        assert all(part["text"] for part in content if part["type"] == "text")
    if "tool_calls" in message:
        assert message["tool_calls"]
        return False
    return not content


def check_call(call: JSONObject) -> str:
    assert isinstance(loads(call["function"]["arguments"]), dict)
    assert TOOL_NAME.fullmatch(call["function"]["name"])
    assert call["type"] == "function"
    assert call["id"]
    return str(call["id"])


def check_order_of_user(items: list[JSONObject], messages: list[JSONObject]) -> None:
    """What the user says comes once and in its order, whatever is moved around it."""
    said = [mark for item in items if item.get("role") == "user" for mark in MARKS.findall(dumps(item).decode())]
    heard = [
        mark for message in messages if message["role"] == "user" for mark in MARKS.findall(dumps(message).decode())
    ]
    assert [mark for mark in heard if mark in set(said)] == [mark for mark in said if mark in set(heard)]


def check_tools(body: JSONObject) -> None:
    names = [tool["function"]["name"] for tool in body.get("tools", [{"function": {"name": "none"}}])]
    assert names, "an empty list of tools"
    assert len(names) == len(set(names))
    assert all(TOOL_NAME.fullmatch(name) for name in names)
    for tool in body.get("tools", []):
        assert tool["function"]["parameters"]["type"] == "object"
    if "tools" not in body:
        assert body.keys().isdisjoint({"tool_choice", "parallel_tool_calls"})


def unreported(items: list[JSONObject], sent: ChatPlan) -> list[str]:
    """The items with texts that are neither in the Chat request nor, by the item's place, among the losses."""
    found = set(MARKS.findall(dumps(sent.body).decode()))
    return [
        f"{index}: {item}"
        for index, item in enumerate(items)
        if not is_sent(item, found) and not is_reported(item, index, sent.dropped)
    ]


def is_sent(item: JSONObject, found: set[str]) -> bool:
    """All texts; of reasoning one of them, since its text, its summary and what is sealed tell the same."""
    marks = set(MARKS.findall(spoken(item)))
    return not marks.isdisjoint(found) if marks and item.get("type") == "reasoning" else marks <= found


def spoken(item: JSONObject) -> str:
    """All texts of an item, also those that are packed."""
    text = dumps(item).decode()
    token = item.get("encrypted_content")
    opened = unseal(token) if isinstance(token, str) else None
    files = [b64decode(data).decode() for data in FILE.findall(text)]
    return " ".join([text, (opened or b"").decode(), *files])


def is_reported(item: JSONObject, index: int, dropped: tuple[str, ...]) -> bool:
    place = f"input[{index}]"
    if item.get("type") == "reasoning" and "input:reasoning" in dropped:
        return True
    return any(entry.startswith((f"{place}.", f"{place}:")) for entry in dropped)
