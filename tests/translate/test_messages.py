"""Histories as transcripts: these items give these messages, and no history breaks the order of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.json import JSONObject, dumps
from gateway.settings import Quirks
from gateway.translate.messages import NO_RESULT
from tests.translate.planning import assistant, call, messages_of, output, plan_of, user

U = {"role": "user", "content": "u"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
IMAGE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
KEEP = Quirks(system_mode="keep")


def said(text: str | None, *ids: str) -> JSONObject:
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in ids]
    return {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})


def tool(call_id: str, text: str = "out") -> JSONObject:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def thought(text: str) -> JSONObject:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}


def developer(text: str) -> JSONObject:
    return {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}


@pytest.mark.parametrize(
    ("items", "messages"),
    [
        pytest.param([user("u")], [U], id="one message"),
        pytest.param([user("u"), assistant("a"), user("u")], [U, said("a"), U], id="a conversation"),
        pytest.param([user("u"), user("u")], [U, U], id="two messages of the user stay two"),
        pytest.param(
            [user("u"), assistant("a"), call("1"), output("1")],
            [U, said("a", "1"), tool("1")],
            id="text and call are one",
        ),
        pytest.param(
            [user("u"), call("1"), assistant("a"), output("1")],
            [U, said("a", "1"), tool("1")],
            id="text after the call",
        ),
        pytest.param(
            [call("1"), call("2"), output("2", "b"), output("1", "a")],
            [said(None, "1", "2"), tool("1", "a"), tool("2", "b")],
            id="results in the order of the calls",
        ),
        pytest.param(
            [call("1"), output("1"), call("2"), output("2")],
            [said(None, "1"), tool("1"), said(None, "2"), tool("2")],
            id="one after the other",
        ),
        pytest.param(
            [call("1"), user("u"), output("1")], [said(None, "1"), tool("1"), U], id="a user between call and result"
        ),
        pytest.param(
            [call("1"), user("u"), assistant("a"), output("1"), assistant("b"), call("2")],
            [said(None, "1"), tool("1"), U, said("a\nb", "2"), tool("2", NO_RESULT)],
            id="a late result does not cut the assistant in two",
        ),
        pytest.param([call("1"), user("u")], [said(None, "1"), tool("1", NO_RESULT), U], id="a call without a result"),
        pytest.param(
            [user("u"), output("9", "x"), assistant("a")],
            [U, user("[result of an earlier tool call 9]\nx"), said("a")],
            id="a result without a call",
        ),
        pytest.param(
            [call("1"), output("1", "old"), output("1", "new")], [said(None, "1"), tool("1", "new")], id="two results"
        ),
        pytest.param(
            [assistant("a"), assistant("b"), user("u")], [said("a\nb"), U], id="messages of the assistant in a row"
        ),
        pytest.param([user("u"), assistant(""), thought("t"), user("u")], [U, U], id="nothing said"),
        pytest.param(
            [user("u"), assistant("a"), user(""), developer(""), assistant("b")],
            [U, said("a\nb")],
            id="nothing said by others",
        ),
        pytest.param(
            [thought("t"), thought("s"), assistant("a")],
            [said("a") | {"reasoning_content": "t\ns"}],
            id="reasoning goes with the message",
        ),
        pytest.param(
            [call("1"), thought("t"), output("1"), call("2"), output("2")],
            [said(None, "1") | {"reasoning_content": "t"}, tool("1"), said(None, "2"), tool("2")],
            id="reasoning after a call",
        ),
        pytest.param(
            [call("1"), call("2"), output("1"), thought("t"), output("2"), assistant("a")],
            [said(None, "1", "2"), tool("1"), tool("2"), said("a") | {"reasoning_content": "t"}],
            id="reasoning between results goes with what follows",
        ),
        pytest.param(
            [call("0"), output("0", "a"), call("0"), output("0", "b")],
            [said(None, "0"), tool("0", "a"), said(None, "0_2"), tool("0_2", "b")],
            id="ids that start again each turn",
        ),
    ],
)
def test_these_items_give_these_messages(items: list[JSONObject], messages: list[JSONObject]) -> None:
    assert messages_of(items) == messages


@pytest.mark.parametrize(("mode", "content"), [("null", {"content": None}), ("empty", {"content": ""}), ("omit", {})])
def test_a_message_of_calls_alone_has_the_content_its_upstream_takes(mode: str, content: JSONObject) -> None:
    quirks = Quirks(assistant_null_content=mode)  # type: ignore[arg-type]
    (message, _) = plan_of(input=[call("1")], quirks=quirks).body["messages"]
    assert {key: message[key] for key in message if key == "content"} == content


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_goes_back_in_the_member_the_upstream_reads(field: str) -> None:
    quirks = Quirks(reasoning_field=field)  # type: ignore[arg-type]
    assert messages_of([thought("t"), assistant("a")], quirks=quirks) == [said("a") | {field: "t"}]


def test_reasoning_that_no_upstream_member_takes_is_noted_once() -> None:
    items = [user("u"), thought("t"), assistant("a"), user("u"), thought("t"), assistant("a")]
    plan = plan_of(input=items, quirks=Quirks(reasoning_field="none"))
    assert "reasoning" not in dumps(plan.body["messages"]).decode()
    assert plan.dropped == ("input:reasoning",)


def test_reasoning_without_a_message_is_noted() -> None:
    assert plan_of(input=[user("u"), thought("t"), user("u"), thought("s")]).dropped == (
        "input[1]:reasoning",
        "input[3]:reasoning",
    )


def test_a_result_that_a_later_one_replaces_is_noted() -> None:
    plan = plan_of(input=[user("u"), call("1"), output("1", "a"), output("1", "a"), output("1", "b")])
    assert plan.body["messages"][2:] == [tool("1", "b")]
    assert plan.dropped == ("input[2].output", "input[3].output")
    assert plan_of(input=[call("1"), output("1"), output("1")], strict=True).dropped == ()


def test_all_leading_system_text_is_one_message() -> None:
    items = [developer("a"), {"role": "system", "content": "b"}, user("u")]
    assert messages_of(items, instructions="i") == [{"role": "system", "content": "i\n\na\n\nb"}, U]


def test_system_text_is_leading_until_there_is_a_message() -> None:
    assert messages_of([thought("t"), user(""), developer("d"), user("u")]) == [{"role": "system", "content": "d"}, U]


def test_later_system_text_keeps_its_place_as_a_marked_message_of_the_user() -> None:
    assert messages_of([user("u"), developer("d"), user("u")]) == [
        U,
        {"role": "user", "content": "<system_message>\nd\n</system_message>"},
        U,
    ]


def test_an_upstream_that_takes_system_messages_anywhere_gets_them_where_they_were() -> None:
    items = [developer("a"), user("u"), developer("d"), call("1"), developer("e"), output("1")]
    system = [{"role": "system", "content": text} for text in "iade"]
    assert messages_of(items, instructions="i", quirks=KEEP) == [
        system[0],
        system[1],
        U,
        system[2],
        said(None, "1"),
        tool("1"),
        system[3],
    ]


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_system_text_has_the_role_the_upstream_knows(role: str) -> None:
    quirks = Quirks(system_role=role)  # type: ignore[arg-type]
    assert messages_of([user("u")], instructions="i", quirks=quirks) == [{"role": role, "content": "i"}, U]


def test_system_text_that_says_nothing_is_left_out() -> None:
    assert messages_of([developer(""), user("u"), developer("")]) == [U]


def test_a_picture_among_system_text_goes_to_the_user() -> None:
    items = [{"role": "developer", "content": [{"type": "input_text", "text": "d"}, IMAGE]}, user("u")]
    assert messages_of(items) == [{"role": "system", "content": "d"}, {"role": "user", "content": [IMAGE_PART]}, U]


def test_pictures_of_tools_stand_behind_the_whole_block_of_results() -> None:
    picture = [{"type": "input_text", "text": "see "}, IMAGE]
    items = [call("1"), call("2"), output("1", picture), output("2", [IMAGE]), user("u")]
    assert messages_of(items) == [
        said(None, "1", "2"),
        tool("1", "see [attachment 1: see the next message of the user]"),
        tool("2", "[attachment 2: see the next message of the user]"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "[attachment 1, from the result of f, call 1]"},
                IMAGE_PART,
                {"type": "text", "text": "[attachment 2, from the result of f, call 2]"},
                IMAGE_PART,
            ],
        },
        U,
    ]


def test_a_picture_of_a_result_without_a_call_is_kept() -> None:
    assert messages_of([output("9", [IMAGE])]) == [
        {"role": "user", "content": [{"type": "text", "text": "[result of an earlier tool call 9]\n"}, IMAGE_PART]}
    ]


ids = st.sampled_from(["a", "b", "c"])
kinds = st.sampled_from(
    [
        "user",
        "assistant",
        "developer",
        "reasoning",
        "call",
        "custom",
        "output",
        "anonymous",
        "picture",
        "web_search_call",
    ]
)


@st.composite
def histories(draw: st.DrawFn) -> list[JSONObject]:
    """Any items in any order; every text in them is unique."""
    items: list[JSONObject] = []
    for number, kind in enumerate(draw(st.lists(kinds, min_size=1, max_size=14))):
        items.append(history_item(kind, draw(ids), f"<{number}>"))
    return items


def history_item(kind: str, name: str, text: str) -> JSONObject:
    match kind:
        case "user" | "assistant" | "developer":
            return {"role": kind, "content": text}
        case "reasoning":
            return thought(text)
        case "call":
            return call(name, arguments=dumps({"x": text}).decode())
        case "custom":
            return {"type": "custom_tool_call", "call_id": name, "name": "g", "input": text}
        case "output":
            return output(name, text)
        case "anonymous":
            return {"type": "function_call_output", "output": text}
        case "picture":
            return output(name, [{"type": "input_text", "text": text}, IMAGE])
        case _:
            return {"type": kind, "id": "x"}


@given(histories(), st.sampled_from(["keep", "merge_first"]), st.sampled_from(["null", "empty", "omit"]))
def test_no_history_breaks_the_order_and_no_text_is_lost(items: list[JSONObject], mode: str, null: str) -> None:
    items = [user("start"), *items]
    messages = messages_of(items, quirks=Quirks(system_mode=mode, assistant_null_content=null))  # type: ignore[arg-type]
    sent = dumps(messages).decode()
    for index in lasting(items):
        assert f"<{index - 1}>" in sent
    if mode == "merge_first":
        assert all(message["role"] != "system" for message in messages[1:])


def lasting(items: list[JSONObject]) -> list[int]:
    """The items whose text must arrive: all but results that a later one replaces, and reasoning without a message."""
    return [
        index
        for index, item in enumerate(items)
        if index and item.get("type") not in SILENT and not is_replaced(index, items)
    ]


SILENT = ("reasoning", "web_search_call")


def is_replaced(index: int, items: list[JSONObject]) -> bool:
    """A result without an id may be replaced by any later one that has an id."""
    if items[index].get("type") != "function_call_output":
        return False
    later = {
        item["call_id"]
        for item in items[index + 1 :]
        if item.get("type") == "function_call_output" and "call_id" in item
    }
    return items[index]["call_id"] in later if "call_id" in items[index] else bool(later)


def test_pictures_stay_in_the_result_of_a_tool_where_they_may() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    items = [
        user("u"),
        call("1"),
        call("2"),
        output("1", [{"type": "input_text", "text": "see"}, picture]),
        output("2"),
    ]
    plan = plan_of(input=items, quirks=Quirks(tool_result_content="parts"))
    first, second = plan.body["messages"][2:]
    assert [part["type"] for part in first["content"]] == ["text", "image_url"]
    assert second["content"] == "out"


@given(
    text=st.text(min_size=1),
    instructions=st.none() | st.text(),
    quirks=st.builds(
        Quirks,
        system_mode=st.sampled_from(["merge_first", "keep"]),
        system_role=st.sampled_from(["system", "developer", "user"]),
        merge_same_role=st.booleans(),
    ),
)
def test_a_text_alone_is_one_message_of_the_user(text: str, instructions: str | None, quirks: Quirks) -> None:
    alone = plan_of(input=text, instructions=instructions, quirks=quirks)
    assert alone.body == plan_of(input=[user(text)], instructions=instructions, quirks=quirks).body
