"""Hosted tools that an upstream has a feature for: neither dropped nor reported, and never forced upon a choice."""

from pathlib import Path

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.hosted_tools import with_features
from gateway.translate.request import ChatPlan, plan, read_request
from tests.fakes.chat import text_stream
from tests.fakes.client import post
from tests.fakes.gateway import running_gateway
from tests.fakes.upstream import Script, running_upstream
from tests.translate.planning import function

WEB: JSONObject = {"plugins": [{"id": "web"}]}
HOSTED = {"web_search*": WEB}
SEARCH: JSONObject = {"type": "web_search", "external_web_access": True}


def planned(*tools: JSONObject, hosted_tools: JSONObject = HOSTED, strict: bool = False, **more: JSONValue) -> ChatPlan:
    body = {"model": "m", "input": "hi", "tools": list(tools)} | more
    return plan(read_request(body), model="m", quirks=Quirks(), strict=strict, hosted_tools=hosted_tools)


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
def test_a_declared_tool_becomes_the_members_of_its_feature(kind: str) -> None:
    made = planned({"type": kind}, strict=True)
    assert made.body["plugins"] == [{"id": "web"}]
    assert "tools" not in made.body
    assert made.dropped == ()


def test_without_a_declaration_nothing_is_sent() -> None:
    assert "plugins" not in planned(function("f")).body


def test_other_hosted_tools_are_still_reported() -> None:
    made = planned(SEARCH, {"type": "file_search"})
    assert made.dropped == ("tools[1]:file_search",)


def test_options_that_the_feature_does_not_get_are_reported() -> None:
    made = planned(SEARCH | {"filters": {"allowed_domains": ["a"]}, "user_location": None})
    assert made.dropped == ("tools[0].filters",)


def test_tools_of_an_item_count_too() -> None:
    items = [{"type": "additional_tools", "role": "developer", "tools": [SEARCH]}, {"role": "user", "content": "hi"}]
    assert planned(input=items).body["plugins"] == [{"id": "web"}]


def test_a_forced_tool_is_left_to_the_upstream_and_reported() -> None:
    made = planned(SEARCH, function("f"), tool_choice={"type": "web_search"})
    assert (made.body["tool_choice"], made.body["plugins"]) == ("auto", [{"id": "web"}])
    assert made.dropped == ("tool_choice:web_search",)
    assert "tool_choice" not in planned(SEARCH, tool_choice={"type": "web_search"}).body


def test_a_forced_tool_is_refused_in_strict_mode() -> None:
    with pytest.raises(GatewayError) as caught:
        planned(SEARCH, tool_choice={"type": "web_search"}, strict=True)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "tool_choice")


def test_a_call_that_is_required_may_be_the_features() -> None:
    made = planned(SEARCH, tool_choice="required")
    assert made.body["plugins"] == [{"id": "web"}]
    assert made.dropped == ("tool_choice:required",)


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        {"type": "function", "name": "f"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    ],
)
def test_a_choice_of_something_else_leaves_the_feature_off(choice: JSONValue) -> None:
    assert "plugins" not in planned(SEARCH, function("f"), tool_choice=choice).body


def test_an_allowed_tool_keeps_its_feature() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}
    made = planned(SEARCH, function("f"), tool_choice=choice)
    assert made.body["plugins"] == [{"id": "web"}]
    assert "tools" not in made.body
    assert made.dropped == ()


def test_a_summary_is_written_without_features() -> None:
    items = [{"role": "user", "content": "hi"}, {"type": "compaction_trigger"}]
    assert "plugins" not in planned(SEARCH, input=items).body


def test_lists_are_appended_tables_merged_and_other_members_replaced() -> None:
    body: JSONObject = {"tools": [1], "options": {"a": 1}, "n": 1}
    features: list[JSONObject] = [{"tools": [2], "options": {"b": 2}}, {"tools": [2, 3], "n": 2}]
    assert with_features(body, features) == {"tools": [1, 2, 3], "options": {"a": 1, "b": 2}, "n": 2}
    assert body == {"tools": [1], "options": {"a": 1}, "n": 1}


async def test_the_feature_of_a_provider_is_asked_through_the_real_process(tmp_path: Path) -> None:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(text_stream("Found.")))
        providers = [{"name": "up", "base_url": upstream.base_url, "hosted_tools": HOSTED}]
        async with running_gateway(tmp_path, providers) as gateway:
            request = {"model": "up/m", "input": "Search", "tools": [SEARCH, function("f")], "tool_choice": "auto"}
            answer = await post(gateway, request)
    assert "x-gateway-dropped" not in answer.headers
    assert answer.body["tools"][0] == SEARCH
    sent = upstream.last.json
    assert (sent["plugins"], [tool["function"]["name"] for tool in sent["tools"]]) == ([{"id": "web"}], ["f"])
