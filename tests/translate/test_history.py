"""Each input item by itself: the piece of history it becomes, in the names and arguments of its tool."""

import pytest

from gateway.codec.json import JSONObject, loads
from gateway.errors import ErrorKind, GatewayError
from tests.translate.planning import call, function, messages_of, output, plan_of, user

SHELL = {
    "type": "shell_call",
    "call_id": "c",
    "action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None},
}
LOCAL: JSONObject = {
    "command": ["ls", "-l"],
    "env": {},
    "type": "exec",
    "timeout_ms": None,
    "user": None,
    "working_directory": "/a",
}
PATCH = {"type": "update_file", "path": "a.txt", "diff": "+x"}


@pytest.mark.parametrize("typed", [{}, {"type": "message"}, {"type": None}])
@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_message_needs_no_type_and_may_be_plain_text(typed: JSONObject, role: str) -> None:
    assert messages_of([{"role": role, "content": "a"} | typed]) == [{"role": role, "content": "a"}]


def test_members_that_mean_nothing_to_a_model_are_tolerated() -> None:
    item = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "phase": "commentary",
        "internal_chat_message_metadata_passthrough": {"a": 1},
        "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
    }
    assert messages_of([item]) == [{"role": "assistant", "content": "ab"}]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        ("  ", "{}"),
        (None, "{}"),
        ({"a": 1}, '{"a":1}'),
        ('{"a": ', '{"arguments":"{\\"a\\": "}'),
        ("[1]", '{"arguments":"[1]"}'),
        ("null", '{"arguments":"null"}'),
    ],
)
def test_arguments_become_a_json_object_if_they_are_none(arguments: object, sent: str) -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}
    (assistant, _) = messages_of([item])
    assert assistant["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": sent}}]


@pytest.mark.parametrize(
    ("item", "name", "arguments"),
    [
        ({"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": 'a"b\n'}, "patch", {"input": 'a"b\n'}),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "x", "namespace": "n", "input": ""},
            "n__x",
            {"input": ""},
        ),
        (
            {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "q"}},
            "tool_search",
            {"query": "q"},
        ),
        (
            {"type": "local_shell_call", "call_id": "c", "action": LOCAL},
            "local_shell",
            {"command": ["ls", "-l"], "workdir": "/a"},
        ),
        (SHELL, "shell", {"commands": ["ls"], "timeout_ms": 5}),
        ({"type": "apply_patch_call", "call_id": "c", "operation": PATCH}, "apply_patch", {"operation": PATCH}),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
            "apply_patch",
            {"operation": {"type": "delete_file", "path": "a"}},
        ),
    ],
)
def test_a_call_of_every_kind_is_a_tool_call(item: JSONObject, name: str, arguments: JSONObject) -> None:
    (assistant, _) = messages_of([item])
    (sent,) = assistant["tool_calls"]
    assert (sent["id"], sent["function"]["name"], loads(sent["function"]["arguments"])) == ("c", name, arguments)


@pytest.mark.parametrize(
    ("item", "content"),
    [
        (output("c", "text"), "text"),
        (output("c", None), ""),
        (output("c", [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]), "ab"),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": "x"}, "x"),
        ({"type": "local_shell_call_output", "id": "c", "output": "x"}, "x"),
        ({"type": "local_shell_call_output", "id": "other", "call_id": "c", "output": "x"}, "x"),
        ({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x"}]}, '[{"stdout":"x"}]'),
        ({"type": "shell_call_output", "call_id": "c", "output": "x"}, "x"),
        ({"type": "apply_patch_call_output", "call_id": "c", "status": "failed"}, '{"status":"failed"}'),
        (
            {"type": "apply_patch_call_output", "call_id": "c", "status": "completed", "output": "x"},
            '{"status":"completed","output":"x"}',
        ),
        ({"type": "function_call_output", "output": "no id"}, "no id"),
    ],
)
def test_an_output_of_every_kind_answers_its_call(item: JSONObject, content: str) -> None:
    assert messages_of([call("c"), item])[1] == {"role": "tool", "tool_call_id": "c", "content": content}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (
            {"content": [{"type": "reasoning_text", "text": "a"}], "summary": [{"type": "summary_text", "text": "b"}]},
            "a",
        ),
        ({"content": None, "summary": [{"type": "summary_text", "text": "b"}, {"text": "c"}]}, "b\nc"),
        ({"summary": []}, None),
    ],
)
def test_reasoning_is_its_text_or_else_its_summary(item: JSONObject, text: str | None) -> None:
    (message,) = messages_of([{"type": "reasoning", "id": "rs_1"} | item, {"role": "assistant", "content": "x"}])
    assert message.get("reasoning_content") == text


def test_sealed_reasoning_is_noted() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "sealed"}
    assert plan_of(input=[user("a"), item]).dropped == ("input[1].encrypted_content",)


def test_a_message_between_agents_is_read_by_the_model() -> None:
    parts = [{"type": "input_text", "text": "NEW_TASK"}, {"type": "encrypted_content", "encrypted_content": "do it"}]
    item = {"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": parts}
    assert messages_of([item]) == [{"role": "user", "content": "NEW_TASK\ndo it"}]


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "program",
        "program_output",
        "compaction",
        "context_compaction",
        "something_new",
    ],
)
def test_history_of_a_service_is_left_out_and_noted(kind: str) -> None:
    plan = plan_of(input=[user("a"), {"type": kind, "id": "x", "result": "y"}])
    assert [message["role"] for message in plan.body["messages"]] == ["user"]
    assert plan.dropped == (f"input[1]:{kind}",)
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[user("a"), {"type": kind, "id": "x"}], strict=True)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "input[1]")


@pytest.mark.parametrize("reference", [{"type": "item_reference", "id": "rs_1"}, {"id": "rs_1"}])
def test_a_reference_to_reasoning_is_left_out_and_noted(reference: JSONObject) -> None:
    assert plan_of(input=[user("a"), reference]).dropped == ("input[1]:item_reference",)


@pytest.mark.parametrize("reference", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_any_other_reference_is_not_found(reference: JSONObject) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[user("a"), reference])
    assert (caught.value.kind, caught.value.param) == (ErrorKind.ITEM_NOT_FOUND, "input[1]")
    assert caught.value.message == "Item with id 'msg_1' not found."


def test_the_id_in_the_error_is_cut_and_safe() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[{"type": "item_reference", "id": "x\r\n" + "y" * 1000}])
    assert len(caught.value.message) < 100
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("kind", ["computer_call", "computer_call_output"])
def test_the_computer_tool_is_refused(kind: str) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[{"type": kind, "call_id": "c"}])
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "input[0].type")


@pytest.mark.parametrize(
    ("item", "kind", "param"),
    [
        (1, ErrorKind.INVALID_TYPE, "input[0]"),
        ({"type": 1}, ErrorKind.INVALID_TYPE, "input[0].type"),
        ({}, ErrorKind.MISSING_PARAMETER, "input[0].role"),
        ({"role": "critic", "content": ""}, ErrorKind.INVALID_VALUE, "input[0].role"),
        ({"role": "user"}, ErrorKind.MISSING_PARAMETER, "input[0].content"),
        ({"role": "user", "content": 1}, ErrorKind.INVALID_TYPE, "input[0].content"),
        ({"role": "user", "content": [1]}, ErrorKind.INVALID_TYPE, "input[0].content[0]"),
        ({"type": "function_call", "name": "f"}, ErrorKind.MISSING_PARAMETER, "input[0].call_id"),
        (call(""), ErrorKind.INVALID_VALUE, "input[0].call_id"),
        (call("c", arguments=1), ErrorKind.INVALID_TYPE, "input[0].arguments"),  # type: ignore[arg-type]
        ({"type": "function_call_output", "call_id": "c"}, ErrorKind.MISSING_PARAMETER, "input[0].output"),
        (output("c", {"a": 1}), ErrorKind.INVALID_TYPE, "input[0].output"),
        (
            output("c", [{"type": "input_image", "file_id": "f"}]),
            ErrorKind.UNSUPPORTED_VALUE,
            "input[0].output[0].file_id",
        ),
        ({"type": "additional_tools", "tools": 1}, ErrorKind.INVALID_TYPE, "input[0].tools"),
        ({"type": "additional_tools", "tools": [{}]}, ErrorKind.MISSING_PARAMETER, "input[0].tools[0].type"),
        ({"type": "configuration_update", "reasoning": 1}, ErrorKind.INVALID_TYPE, "input[0].reasoning"),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {}},
            ErrorKind.MISSING_PARAMETER,
            "input[0].operation.type",
        ),
    ],
)
def test_a_broken_item_is_refused_with_its_place(item: JSONObject, kind: ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[item])
    assert (caught.value.kind, caught.value.param) == (kind, param)


@pytest.mark.parametrize("role", ["user", "developer", "system", "assistant"])
@pytest.mark.parametrize("content", ["", None, [], [{"type": "input_text", "text": ""}]])
def test_a_message_without_content_is_left_out(role: str, content: object) -> None:
    sent = plan_of(input=[{"role": role, "content": content}, {"role": "user", "content": "u"}])
    assert sent.body["messages"] == [{"role": "user", "content": "u"}]
    assert sent.dropped == ()


def test_what_is_no_text_between_agents_is_noted() -> None:
    parts = [{"type": "input_text", "text": "do"}, {"type": "input_image", "image_url": "https://x/y"}]
    sent = plan_of(input=[{"type": "agent_message", "author": "a", "recipient": "b", "content": parts}])
    assert sent.body["messages"] == [{"role": "user", "content": "do"}]
    assert sent.dropped == ("input[0].content[1]",)


def test_items_that_say_nothing_do_not_interrupt_the_assistant() -> None:
    quiet: list[JSONObject] = [{"type": "additional_tools", "tools": [function("f")]}, {"type": "web_search_call"}]
    (message, _) = messages_of([{"role": "assistant", "content": "a"}, *quiet, call("c")])
    assert message["content"] == "a"
    assert len(message["tool_calls"]) == 1


def test_media_of_the_assistant_are_noted() -> None:
    image = {"type": "input_image", "image_url": "https://x/y"}
    plan = plan_of(input=[{"role": "assistant", "content": [{"type": "output_text", "text": "a"}, image]}])
    assert plan.body["messages"] == [{"role": "assistant", "content": "a"}]
    assert plan.dropped == ("input[0].content:image_url",)
