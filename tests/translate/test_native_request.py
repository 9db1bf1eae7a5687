"""What an upstream that speaks Responses is sent, and what is taken out of a request on its way there."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings, Quirks
from gateway.translate.native_request import native_plan
from gateway.translate.request import ChatPlan, read_request
from gateway.translate.sealed import SealedReasoning, SealedSummary, encode
from gateway.translate.tool_names import ToolKind, ToolOrigin
from tests.translate.planning import call, function, output, user

OWN_ITEM = {"type": "reasoning", "id": "rs_up", "summary": [], "encrypted_content": "opaque"}
CUSTOM = {"type": "custom", "name": "patch", "description": "Patches."}
GROUP = {"type": "namespace", "name": "files", "tools": [function("read"), CUSTOM]}
SEARCH = {"type": "web_search", "search_context_size": "low"}


def plan_of(
    *, drop: tuple[str, ...] = (), refused: tuple[str, ...] = (), strict: bool = False, **members: JSONValue
) -> ChatPlan:
    provider = ProviderSettings(
        name="up", base_url="http://up/v1", wire="responses", drop_types=refused, quirks=Quirks(drop=drop)
    )
    request = read_request({"model": "up/m", "input": "hi"} | members)
    return native_plan(request, model="m", provider=provider, strict=strict, unseal=bytes.fromhex)


def items_of(*items: JSONObject, refused: tuple[str, ...] = (), **members: JSONValue) -> list[JSONObject]:
    sent: list[JSONObject] = plan_of(refused=refused, input=list(items), **members).body["input"]
    return sent


def sealed(**members: JSONValue) -> JSONObject:
    token = encode(SealedReasoning(**{"provider": "up", **members})).hex()
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": token}


def test_a_request_passes_with_the_upstreams_model_and_nothing_stored() -> None:
    planned = plan_of(
        instructions="Be brief.",
        stream=True,
        store=True,
        temperature=0.5,
        reasoning={"effort": "minimal", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        include=["reasoning.encrypted_content"],
        truncation="auto",
        service_tier="flex",
        prompt_cache_key="k",
        top_k=3,
        metadata={"a": "b"},
    )
    assert planned.body == {
        "model": "m",
        "input": "hi",
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
        "temperature": 0.5,
        "truncation": "auto",
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "reasoning": {"effort": "minimal", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        "top_k": 3,
    }
    assert planned.dropped == ("store",)
    assert planned.echo["model"] == "up/m"


def test_what_the_gateway_cannot_pass_on_is_reported_or_refused() -> None:
    planned = plan_of(previous_response_id="resp_1", background=True, context_management=[{"type": "compaction"}])
    assert planned.dropped == ("previous_response_id", "background", "context_management")
    with pytest.raises(GatewayError) as caught:
        plan_of(strict=True, background=True)
    assert caught.value.param == "background"
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[{"type": "item_reference", "id": "msg_1"}])
    assert caught.value.kind is ErrorKind.ITEM_NOT_FOUND


def test_members_that_the_server_refuses_are_left_out() -> None:
    planned = plan_of(drop=("store", "incl*"), include=["reasoning.encrypted_content"])
    assert planned.body == {"model": "m", "input": "hi", "stream": False}
    assert planned.dropped == ("include",)


def test_every_kind_of_tool_passes_as_it_is() -> None:
    tools = [function("f"), CUSTOM, GROUP, SEARCH, {"type": "local_shell"}, {"type": "acme:thing"}]
    planned = plan_of(tools=tools, tool_choice={"type": "custom", "name": "patch"}, parallel_tool_calls=False)
    assert planned.body["tools"] == tools
    assert planned.body["tool_choice"] == {"type": "custom", "name": "patch"}
    assert planned.body["parallel_tool_calls"] is False
    assert planned.dropped == ()


def test_tools_that_the_server_refuses_become_functions_or_are_reported() -> None:
    grammar = {**CUSTOM, "name": "code", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    tools = [function("f"), CUSTOM, GROUP, SEARCH, {"type": "local_shell"}, grammar]
    refused = ("custom", "namespace", "web_search*", "local_shell")
    planned = plan_of(refused=refused, tools=tools, tool_choice={"type": "custom", "name": "patch"})
    names = [tool["name"] for tool in planned.body["tools"]]
    assert names == ["f", "patch", "files__read", "files__patch", "local_shell", "code"]
    assert all(tool["type"] == "function" for tool in planned.body["tools"])
    assert planned.body["tools"][1]["strict"] is False
    assert planned.body["tool_choice"] == {"type": "function", "name": "patch"}
    assert planned.dropped == ("tools[3]:web_search", "tools[5]:custom")
    assert planned.tools.origin("files__patch") == ToolOrigin(ToolKind.CUSTOM, "patch", "files")


def test_a_choice_of_what_is_not_sent_is_refused_or_reported() -> None:
    for demanded in ("required", {"type": "web_search"}):
        with pytest.raises(GatewayError) as caught:
            plan_of(refused=("web_search",), tools=[SEARCH], tool_choice=demanded)
        assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "tool_choice")
    assert "tool_choice" not in plan_of(refused=("web_search",), tools=[SEARCH], tool_choice="auto").body
    listed = [{"type": "web_search"}, {"type": "custom", "name": "patch"}, {"type": "function", "name": "f"}]
    choice: JSONObject = {"type": "allowed_tools", "mode": "required", "tools": listed}
    tools = [SEARCH, CUSTOM, function("f")]
    planned = plan_of(refused=("web_search", "custom"), tools=tools, tool_choice=choice)
    assert planned.body["tool_choice"]["tools"] == [{"type": "function", "name": name} for name in ("patch", "f")]
    assert "tool_choice.tools[0]" in planned.dropped
    planned = plan_of(refused=("allowed_tools",), tools=[function("f")], tool_choice={**choice, "tools": listed[2:]})
    assert (planned.body["tool_choice"], planned.dropped) == ("required", ("tool_choice:allowed_tools",))
    with pytest.raises(GatewayError):
        plan_of(tools=tools, tool_choice="sometimes")


def test_items_pass_as_they_are() -> None:
    items = [
        user("Hi"),
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "x"}]},
        call("c1", id="fc_1", namespace="files"),
        output("c1", [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]),
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
    ]
    assert items_of(*items) == items


def test_small_faults_of_replayed_items_are_repaired() -> None:
    said = {
        "type": "message",
        "role": "assistant",
        "id": "chatcmpl-1",
        "content": [{"type": "output_text", "text": "a"}],
    }
    sent = items_of(said, call("c1", arguments=" "), {**call("c2"), "arguments": {"a": 1}}, {**call("c3"), "id": None})
    assert sent[0] == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a", "annotations": []}],
    }
    assert [item["arguments"] for item in sent[1:]] == ["{}", '{"a":1}', "{}"]
    assert "id" not in sent[3]


def test_an_upstream_gets_its_own_reasoning_back_and_nobody_elses() -> None:
    assert items_of(user("a"), sealed(item=OWN_ITEM))[1] == OWN_ITEM
    (given,) = items_of(user("a"), sealed(text="Hm."))[1:]
    assert given["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    foreign = [sealed(text="Hm.", provider="other"), {"type": "reasoning", "summary": [], "encrypted_content": "00"}]
    planned = plan_of(input=[user("a"), *foreign])
    assert planned.body["input"] == [user("a")]
    assert planned.dropped == ("input[1]:reasoning", "input[2]:reasoning")


def test_items_that_the_server_refuses_are_said_in_another_way() -> None:
    refused = ("custom*", "namespace", "local_shell*", "output_text", "input_file", "web_search_call", "agent_message")
    shell = {"type": "local_shell_call", "call_id": "c2", "action": {"type": "exec", "command": ["ls"], "env": {}}}
    sent = items_of(
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
        call("c3", "read", namespace="files"),
        shell,
        {"role": "user", "content": [{"type": "input_text", "text": "b"}, {"type": "input_file", "file_id": "f"}]},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "agent_message", "content": [{"text": "task"}]},
        refused=refused,
        tools=[CUSTOM, GROUP, {"type": "local_shell"}],
    )
    assert sent == [
        {"type": "message", "role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c1", "name": "patch", "arguments": '{"input":"x"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "function_call", "call_id": "c3", "name": "files__read", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "local_shell", "arguments": '{"command":["ls"]}'},
        {"role": "user", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "task"}]},
    ]


def test_tools_that_items_load_are_offered() -> None:
    loading = {"type": "additional_tools", "role": "developer", "tools": [function("late"), SEARCH]}
    planned = plan_of(input=[user("a"), loading], refused=("web_search",), tool_choice="auto")
    assert planned.body["input"][1]["tools"] == [function("late")]
    assert planned.body["tool_choice"] == "auto"
    planned = plan_of(input=[user("a"), loading], refused=("additional_tools",))
    assert [tool["type"] for tool in planned.body["tools"]] == ["function", "web_search"]
    assert planned.body["input"] == [user("a")]


def test_a_conversation_is_compacted_as_for_every_upstream() -> None:
    planned = plan_of(input=[user("a"), {"type": "compaction_trigger"}], tools=[function("f")])
    assert planned.compacts
    assert planned.body["tool_choice"] == "none"
    assert planned.body["input"][1]["role"] == "user"
    token = encode(SealedSummary("all of it")).hex()
    (summary,) = items_of({"type": "compaction", "encrypted_content": token})
    assert summary["content"][0]["text"].endswith("all of it")


def test_an_input_of_nothing_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[sealed(text="x", provider="other")])
    assert caught.value.param == "input"
