"""Nothing vanishes silently: every member, item, part and tool of the API has a known treatment.

The tables are compared with the types of the official library: what a new release adds fails here until somebody
has decided what becomes of it.
"""

from typing import get_args, get_type_hints

import pytest
from openai.types.responses import response_create_params, response_input_param, tool_param
from openai.types.responses.response_input_message_content_list_param import ResponseInputContentParam

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.errors import GatewayError
from tests.translate.planning import call, function, plan_of, user

MARK = "mark"
TEXT = [{"type": "output_text", "text": MARK}]

MEMBERS: dict[str, tuple[JSONValue, str]] = {
    # sent: changes what the upstream gets; echoed: stands in the Response; noted: in `dropped`; refused: an error
    "access_programs": ({"a": 1}, "noted"),
    "background": (True, "noted"),
    "background_options": ({"a": 1}, "noted"),
    "client_metadata": ({"a": "b"}, "noted"),
    "context_management": ([{"type": "compaction"}], "noted"),
    "conversation": ("conv_1", "noted"),
    "frequency_penalty": (1.5, "sent echoed"),
    "generate": (False, "noted"),
    "image": ({"a": 1}, "noted"),
    "include": (["web_search_call.results"], "noted"),
    "input": (MARK, "sent"),
    "instructions": (MARK, "sent echoed"),
    "max_output_tokens": (77, "sent echoed"),
    "max_tool_calls": (7, "echoed"),
    "metadata": ({"a": MARK}, "echoed"),
    "model": ("other", "echoed"),
    "moderation": ({"model": "x"}, "noted"),
    "parallel_tool_calls": (False, "sent echoed"),
    "presence_penalty": (1.5, "sent echoed"),
    "previous_response_id": ("resp_1", "noted"),
    "prompt": ({"id": "x"}, "refused"),
    "prompt_cache_key": (MARK, "echoed"),
    "prompt_cache_options": ({"mode": "explicit"}, "noted"),
    "prompt_cache_retention": ("24h", "noted"),
    "reasoning": ({"effort": "high", "summary": "auto"}, "sent echoed"),
    "safety_identifier": (MARK, "echoed"),
    "service_tier": ("flex", "noted"),
    "store": (True, "noted"),
    "stream": (True, "sent"),
    "stream_options": ({"include_obfuscation": True}, "noted"),
    "temperature": (0.5, "sent echoed"),
    "text": ({"format": {"type": "json_object"}}, "sent echoed"),
    "tool_choice": ("required", "sent echoed"),
    "tools": ([function(MARK)], "sent echoed"),
    "top_logprobs": (5, "sent echoed"),
    "top_p": (0.5, "sent echoed"),
    "truncation": ("auto", "noted echoed"),
    "user": (MARK, "echoed"),
}

ITEMS: dict[str, tuple[JSONObject, str]] = {
    "EasyInputMessageParam": ({"role": "user", "content": MARK}, "sent"),
    "Message": ({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": MARK}]}, "sent"),
    "ResponseOutputMessageParam": ({"type": "message", "id": "msg_1", "role": "assistant", "content": TEXT}, "sent"),
    "ResponseFileSearchToolCallParam": ({"type": "file_search_call"}, "noted"),
    "ResponseComputerToolCallParam": ({"type": "computer_call"}, "refused"),
    "ComputerCallOutput": ({"type": "computer_call_output"}, "refused"),
    "ResponseFunctionWebSearchParam": ({"type": "web_search_call"}, "noted"),
    "ResponseFunctionToolCallParam": (call("c", MARK), "sent"),
    "FunctionCallOutput": ({"type": "function_call_output", "call_id": "c", "output": MARK}, "sent"),
    "ToolSearchCall": ({"type": "tool_search_call", "call_id": "c", "arguments": {"query": MARK}}, "sent"),
    "ResponseToolSearchOutputItemParamParam": (
        {"type": "tool_search_output", "call_id": "c", "tools": [function(MARK)]},
        "sent",
    ),
    "AdditionalTools": ({"type": "additional_tools", "role": "developer", "tools": [function(MARK)]}, "sent"),
    "ResponseConfigurationUpdateItemParamParam": (
        {"type": "configuration_update", "text": {"format": {"type": "json_schema", "name": MARK, "schema": {}}}},
        "sent",
    ),
    "ResponseReasoningItemParam": ({"type": "reasoning", "summary": [{"type": "summary_text", "text": MARK}]}, "sent"),
    "ResponseCompactionItemParamParam": ({"type": "compaction", "encrypted_content": "x"}, "noted"),
    "ImageGenerationCall": ({"type": "image_generation_call"}, "noted"),
    "ResponseCodeInterpreterToolCallParam": ({"type": "code_interpreter_call"}, "noted"),
    "LocalShellCall": ({"type": "local_shell_call", "call_id": "c", "action": {"command": [MARK]}}, "sent"),
    "LocalShellCallOutput": ({"type": "local_shell_call_output", "id": "c", "output": MARK}, "sent"),
    "ShellCall": ({"type": "shell_call", "call_id": "c", "action": {"commands": [MARK]}}, "sent"),
    "ShellCallOutput": ({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": MARK}]}, "sent"),
    "ApplyPatchCall": (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": MARK}},
        "sent",
    ),
    "ApplyPatchCallOutput": (
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": MARK},
        "sent",
    ),
    "McpListTools": ({"type": "mcp_list_tools"}, "noted"),
    "McpApprovalRequest": ({"type": "mcp_approval_request"}, "noted"),
    "McpApprovalResponse": ({"type": "mcp_approval_response"}, "noted"),
    "McpCall": ({"type": "mcp_call"}, "noted"),
    "ResponseCustomToolCallOutputParam": ({"type": "custom_tool_call_output", "call_id": "c", "output": MARK}, "sent"),
    "ResponseCustomToolCallParam": ({"type": "custom_tool_call", "call_id": "c", "name": "p", "input": MARK}, "sent"),
    "CompactionTrigger": ({"type": "compaction_trigger"}, "refused"),  # here it is not the last item
    "ItemReference": ({"type": "item_reference", "id": "msg_1"}, "refused"),
    "Program": ({"type": "program"}, "noted"),
    "ProgramOutput": ({"type": "program_output"}, "noted"),
}

PARTS: dict[str, tuple[JSONObject, str]] = {
    "ResponseInputTextContentParam": ({"type": "input_text", "text": MARK}, "sent"),
    "ResponseInputTextParam": ({"type": "input_text", "text": MARK}, "sent"),
    "ResponseInputImageParam": ({"type": "input_image", "image_url": f"https://x/{MARK}"}, "sent"),
    "ResponseInputImageContentParam": ({"type": "input_image", "image_url": f"https://x/{MARK}"}, "sent"),
    "ResponseInputFileParam": ({"type": "input_file", "file_id": "file_1"}, "refused"),
    "ResponseInputFileContentParam": ({"type": "input_file", "file_id": "file_1"}, "refused"),
}

TOOLS: dict[str, tuple[JSONObject, str]] = {
    "FunctionToolParam": (function(MARK), "sent"),
    "FileSearchToolParam": ({"type": "file_search"}, "noted"),
    "ComputerToolParam": ({"type": "computer"}, "noted"),
    "ComputerUsePreviewToolParam": ({"type": "computer_use_preview"}, "noted"),
    "WebSearchToolParam": ({"type": "web_search"}, "noted"),
    "Mcp": ({"type": "mcp", "server_label": "x"}, "noted"),
    "CodeInterpreter": ({"type": "code_interpreter"}, "noted"),
    "ProgrammaticToolCalling": ({"type": "programmatic_tool_calling"}, "noted"),
    "ImageGeneration": ({"type": "image_generation"}, "noted"),
    "LocalShell": ({"type": "local_shell"}, "sent"),
    "FunctionShellToolParam": ({"type": "shell", "environment": {"type": "local"}}, "sent"),
    "CustomToolParam": ({"type": "custom", "name": MARK}, "sent"),
    "NamespaceToolParam": ({"type": "namespace", "name": "n", "description": "d", "tools": [function(MARK)]}, "sent"),
    "ToolSearchToolParam": ({"type": "tool_search", "execution": "client"}, "sent"),
    "WebSearchPreviewToolParam": ({"type": "web_search_preview"}, "noted"),
    "ApplyPatchToolParam": ({"type": "apply_patch"}, "sent"),
}


def treatment(base: JSONObject, changed: JSONObject, members: set[str]) -> str:
    """What becomes of a change of the request, in the words of the tables."""
    before = plan_of(**base)
    try:
        after = plan_of(**changed)
    except GatewayError:
        return "refused"
    words = {
        "sent": dumps(after.body) != dumps(before.body),
        "noted": any(entry.startswith(tuple(members)) for entry in set(after.dropped) - set(before.dropped)),
        "echoed": any(after.echo.get(member) != before.echo.get(member) for member in members),
    }
    return " ".join(word for word, holds in words.items() if holds)


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_is_treated_as_the_table_says(member: str) -> None:
    value, expected = MEMBERS[member]
    base: JSONObject = {"tools": [function("f")]}
    if member == "stream_options":
        base["stream"] = True
    assert treatment(base, base | {member: value}, {member}) == expected


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_is_treated_as_the_table_says(item: str) -> None:
    value, expected = ITEMS[item]
    rest = [user("start"), {"role": "assistant", "content": "a"}]
    assert treatment({"input": rest}, {"input": [rest[0], value, rest[1]]}, {"input"}) == expected


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_treated_as_the_table_says(part: str) -> None:
    value, expected = PARTS[part]
    base = {"type": "input_text", "text": "start"}
    changed = [{"role": "user", "content": [base, value]}]
    assert treatment({"input": [{"role": "user", "content": [base]}]}, {"input": changed}, {"input"}) == expected


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_is_treated_as_the_table_says(tool: str) -> None:
    value, expected = TOOLS[tool]
    assert treatment({}, {"tools": [value]}, {"tools"}) == f"{expected} echoed"


@pytest.mark.parametrize("table", [ITEMS, PARTS, TOOLS], ids=["items", "parts", "tools"])
def test_what_is_sent_is_not_sent_empty(table: dict[str, tuple[JSONObject, str]]) -> None:
    for value, expected in table.values():
        if expected != "sent" or MARK not in str(value):
            continue
        if table is ITEMS:
            sent = plan_of(input=[value, {"role": "assistant", "content": "a"}])
        elif table is PARTS:
            sent = plan_of(input=[{"role": "user", "content": [value]}])
        else:
            sent = plan_of(tools=[value])
        assert MARK in dumps(sent.body).decode(), value


def names(union: object) -> set[str]:
    return {member.__name__ for member in get_args(union)}


def test_the_tables_know_everything_that_the_official_library_knows() -> None:
    params = get_type_hints(response_create_params.ResponseCreateParamsBase)
    assert set(params) - set(MEMBERS) == set()
    assert names(response_input_param.ResponseInputItemParam) - set(ITEMS) == set()
    assert names(tool_param.ToolParam) - set(TOOLS) == set()
    assert names(ResponseInputContentParam) - set(PARTS) == set()
