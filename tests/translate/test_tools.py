"""Tools: what a client declares becomes functions, and their names lead back."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate import schemas
from gateway.translate.tools import ToolKind, ToolMap, ToolOrigin, echoed_tools
from tests.translate.planning import call, function, messages_of, plan_of, user

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def offered(*tools: JSONObject, **members: JSONValue) -> list[JSONObject]:
    sent: list[JSONObject] = plan_of(tools=list(tools), **members).body.get("tools", [])
    return [tool["function"] for tool in sent]


def test_a_function_is_nested_and_keeps_description_schema_and_strictness() -> None:
    tool = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True, "async": True}
    assert plan_of(tools=[tool]).body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}
    ]


def test_a_function_says_what_it_does_before_what_it_takes() -> None:
    (tool,) = plan_of(tools=[function("f", description="d", strict=True)]).body["tools"]
    assert list(tool["function"]) == ["name", "description", "parameters", "strict"]


def test_a_function_may_lack_schema_and_strictness() -> None:
    assert offered({"type": "function", "name": "f", "parameters": None, "strict": None}) == [
        {"name": "f", "parameters": {"type": "object", "properties": {}}}
    ]


def test_strictness_is_dropped_for_an_upstream_without_it_and_noted_if_it_was_wanted() -> None:
    quirks = Quirks(strict_tools="drop")
    plan = plan_of(tools=[function("f", strict=True), function("g", strict=False)], quirks=quirks)
    assert [tool["function"].get("strict") for tool in plan.body["tools"]] == [None, None]
    assert plan.dropped == ("tools[0].strict",)


def test_a_freeform_tool_is_a_function_with_one_text() -> None:
    plan = plan_of(tools=[{"type": "custom", "name": "patch", "description": "d", "format": {"type": "text"}}])
    assert plan.body["tools"][0]["function"] == {"name": "patch", "description": "d", "parameters": schemas.CUSTOM}
    assert plan.tools.origin("patch") == ToolOrigin(ToolKind.CUSTOM, "patch", None)
    assert plan.dropped == ()


def test_a_grammar_is_told_to_the_model_and_noted_as_not_enforced() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    plan = plan_of(tools=[{"type": "custom", "name": "patch", "description": "d", "format": grammar}])
    description = plan.body["tools"][0]["function"]["description"]
    assert description == "d\n\nThe text of `input` must follow this lark grammar:\nstart: /x/"
    assert plan.dropped == ("tools[0]:custom",)


def test_a_namespace_is_flattened_and_described_once() -> None:
    group = {
        "type": "namespace",
        "name": "mcp__fs",
        "description": "Files.",
        "tools": [function("read", description="Reads.", defer_loading=True), {"type": "custom", "name": "write"}],
    }
    plan = plan_of(tools=[group])
    first, second = (tool["function"] for tool in plan.body["tools"])
    assert first["name"] == "mcp__fs__read"
    assert first["description"] == "Reads.\n\nAbout all mcp__fs tools: Files."
    assert (second["name"], "description" in second) == ("mcp__fs__write", False)
    assert plan.tools.origin("mcp__fs__read") == ToolOrigin(ToolKind.FUNCTION, "read", "mcp__fs")
    assert plan.tools.origin("mcp__fs__write") == ToolOrigin(ToolKind.CUSTOM, "write", "mcp__fs")


def test_the_default_namespace_stays_at_the_top() -> None:
    group = {"type": "namespace", "name": "functions", "description": "All.", "tools": [function("exec")]}
    plan = plan_of(tools=[group])
    assert plan.body["tools"][0]["function"] == {"name": "exec", "parameters": function("exec")["parameters"]}
    assert plan.tools.origin("exec") == ToolOrigin(ToolKind.FUNCTION, "exec", None)


def test_a_hosted_tool_inside_a_namespace_is_noted() -> None:
    assert plan_of(tools=[{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]).dropped == (
        "tools[0].tools[0]:mcp",
    )


@pytest.mark.parametrize(
    ("tool", "kind", "schema"),
    [
        ({"type": "tool_search", "execution": "client"}, ToolKind.TOOL_SEARCH, schemas.TOOL_SEARCH),
        ({"type": "tool_search", "execution": "client", "parameters": SCHEMA}, ToolKind.TOOL_SEARCH, SCHEMA),
        ({"type": "local_shell"}, ToolKind.LOCAL_SHELL, schemas.LOCAL_SHELL),
        ({"type": "shell", "environment": {"type": "local"}}, ToolKind.SHELL, schemas.SHELL),
        ({"type": "shell"}, ToolKind.SHELL, schemas.SHELL),
        ({"type": "apply_patch"}, ToolKind.APPLY_PATCH, schemas.APPLY_PATCH),
    ],
)
def test_a_tool_that_the_client_runs_is_a_function(tool: JSONObject, kind: ToolKind, schema: JSONObject) -> None:
    plan = plan_of(tools=[tool])
    sent = plan.body["tools"][0]["function"]
    assert (sent["name"], sent["parameters"]) == (kind.value, schema)
    assert plan.tools.origin(kind.value) == ToolOrigin(kind, kind.value, None)
    assert plan.dropped == ()


def test_the_skills_of_a_local_shell_are_told_to_the_model() -> None:
    skill = {"name": "pdf", "description": "Reads PDFs.", "path": "/skills/pdf"}
    (sent,) = offered({"type": "shell", "environment": {"type": "local", "skills": [skill]}})
    assert "- pdf (/skills/pdf): Reads PDFs." in sent["description"]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x"},
        {"type": "tool_search"},
        {"type": "tool_search", "execution": "server"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "vendor:thing"},
    ],
)
def test_a_hosted_tool_is_left_out_and_noted(tool: JSONObject) -> None:
    plan = plan_of(tools=[function("f"), tool])
    assert [sent["function"]["name"] for sent in plan.body["tools"]] == ["f"]
    assert plan.dropped == (f"tools[1]:{tool['type']}",)


def test_a_type_that_is_free_text_is_noted_as_a_safe_word() -> None:
    assert plan_of(tools=[{"type": "x\r\ny: z"}]).dropped == ("tools[0]:x__y:_z",)


def test_strict_mode_refuses_a_hosted_tool() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(tools=[{"type": "web_search"}], strict=True)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "tools[0]")


@pytest.mark.parametrize(
    ("tool", "kind", "param"),
    [
        ({"name": "x"}, ErrorKind.MISSING_PARAMETER, "tools[0].type"),
        ({"type": 1}, ErrorKind.INVALID_TYPE, "tools[0].type"),
        ({"type": "function"}, ErrorKind.MISSING_PARAMETER, "tools[0].name"),
        ({"type": "function", "name": ""}, ErrorKind.INVALID_VALUE, "tools[0].name"),
        ({"type": "function", "name": "f", "parameters": "x"}, ErrorKind.INVALID_TYPE, "tools[0].parameters"),
        ({"type": "namespace", "name": "n"}, ErrorKind.MISSING_PARAMETER, "tools[0].tools"),
        ({"type": "namespace", "name": "n", "tools": [1]}, ErrorKind.INVALID_TYPE, "tools[0].tools[0]"),
        ({"type": "shell", "environment": {}}, ErrorKind.MISSING_PARAMETER, "tools[0].environment.type"),
    ],
)
def test_a_broken_declaration_is_refused_with_its_place(tool: JSONObject, kind: ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(tools=[tool])
    assert (caught.value.kind, caught.value.param) == (kind, param)


def test_tools_of_the_history_are_offered_too() -> None:
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [function("a"), {"type": "web_search"}]},
        user("go"),
        {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "x"}},
        {
            "type": "tool_search_output",
            "call_id": "c",
            "tools": [{"type": "namespace", "name": "n", "tools": [function("b")]}],
        },
    ]
    plan = plan_of(tools=[function("z")], input=items)
    assert [tool["function"]["name"] for tool in plan.body["tools"]] == ["z", "a", "n__b"]
    assert plan.dropped == ("input[0].tools[1]:web_search",)
    assert plan.body["messages"][-1]["content"] == '{"loaded_tools":["n__b"]}'


def test_a_tool_declared_again_counts_once_as_it_was_last() -> None:
    items = [{"type": "additional_tools", "tools": [function("f", description="new")]}, user("go")]
    assert [tool["description"] for tool in offered(function("f", description="old"), input=items)] == ["new"]


def test_a_name_that_no_upstream_takes_is_made_safe_and_restored() -> None:
    plan = plan_of(tools=[function("fs.read/é")])
    name = plan.body["tools"][0]["function"]["name"]
    assert name.startswith("fs_read")
    assert plan.tools.origin(name) == ToolOrigin(ToolKind.FUNCTION, "fs.read/é", None)


def test_the_history_uses_the_same_names_as_the_tools() -> None:
    group = {"type": "namespace", "name": "x" * 60, "tools": [function("read")]}
    plan = plan_of(tools=[group], input=[user("go"), call("c", "read", namespace="x" * 60)])
    assert plan.body["messages"][1]["tool_calls"][0]["function"]["name"] == plan.body["tools"][0]["function"]["name"]


def test_a_tool_that_only_the_history_knows_is_restored_as_well() -> None:
    plan = plan_of(input=[user("go"), call("c", "spawn", namespace="agents")])
    assert plan.tools.origin("agents__spawn") == ToolOrigin(ToolKind.FUNCTION, "spawn", "agents")
    assert "tools" not in plan.body


def test_an_unknown_name_is_a_function_of_that_name_and_allowed() -> None:
    assert ToolMap().origin("invented") == ToolOrigin(ToolKind.FUNCTION, "invented", None)
    assert ToolMap().is_allowed("invented")


def test_the_echo_of_a_function_has_its_five_members() -> None:
    assert echoed_tools([{"type": "function", "name": "f", "defer_loading": True}]) == [
        {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}
    ]


def test_the_echo_of_other_tools_is_what_came_but_no_credentials() -> None:
    mcp = {"type": "mcp", "server_label": "x", "authorization": "secret", "headers": {"a": "secret"}}
    assert echoed_tools([{"type": "web_search", "filters": None}, mcp]) == [
        {"type": "web_search", "filters": None},
        {"type": "mcp", "server_label": "x"},
    ]
    assert echoed_tools(None) == []


def test_the_echo_still_has_what_the_upstream_is_spared() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "encrypted": True}}}
    plan = plan_of(tools=[{"type": "function", "name": "f", "parameters": schema}])
    assert plan.echo["tools"][0]["parameters"] == schema
    assert "encrypted" not in plan.body["tools"][0]["function"]["parameters"]["properties"]["a"]


def test_without_tools_nothing_about_tools_is_sent() -> None:
    body = plan_of(tools=[], tool_choice="auto", parallel_tool_calls=True).body
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)


def test_only_functions_and_freeform_tools_can_be_loaded() -> None:
    items: list[JSONObject] = [
        {"type": "tool_search_call", "call_id": "c", "arguments": {}},
        {"type": "tool_search_output", "call_id": "c", "tools": [function("b"), {"type": "web_search"}]},
    ]
    assert messages_of(items)[-1]["content"] == '{"loaded_tools":["b"]}'


def test_codex_replays_a_call_of_a_search_that_a_server_ran() -> None:
    items: list[JSONObject] = [
        user("go"),
        {"type": "tool_search_call", "arguments": {}},
        {"type": "tool_search_output", "tools": [function("b")]},
    ]
    assert [message["role"] for message in messages_of(items)] == ["user"]
    assert plan_of(input=items).dropped == ("input[1]:tool_search_call",)
