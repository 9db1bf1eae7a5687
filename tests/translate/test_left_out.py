import pytest

from gateway.codec.json import JSONObject
from gateway.errors import GatewayError
from gateway.settings import Quirks
from tests.translate.planning import function, plan_of


def test_what_an_upstream_refuses_is_not_sent_and_reported_by_the_clients_name() -> None:
    asked: JSONObject = {"temperature": 0.5, "max_output_tokens": 5, "top_logprobs": 2, "reasoning": {"effort": "low"}}
    quirks = Quirks(drop=("temperature", "max_*", "*logprobs", "reasoning_effort"))
    plan = plan_of(quirks=quirks, **asked)
    assert set(plan.body) == {"model", "messages", "stream"}
    assert set(plan.dropped) == {"temperature", "max_output_tokens", "top_logprobs", "reasoning.effort"}


def test_what_nobody_asked_for_is_no_loss() -> None:
    plan = plan_of(quirks=Quirks(drop=("temperature", "stream_options")), stream=True)
    assert "stream_options" not in plan.body
    assert plan.dropped == ()


def test_without_tools_nothing_about_tools_is_sent() -> None:
    asked: JSONObject = {"tools": [function("f")], "tool_choice": "required", "parallel_tool_calls": False}
    plan = plan_of(quirks=Quirks(drop=("tools",)), **asked)
    assert set(plan.body) == {"model", "messages", "stream"}
    assert plan.dropped == ("tools",)


def test_what_the_configuration_adds_is_sent_in_any_case() -> None:
    assert plan_of(quirks=Quirks(drop=("top_k",), extra_body={"top_k": 9}), top_k=5).body["top_k"] == 9


def test_in_strict_mode_it_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(quirks=Quirks(drop=("seed",)), strict=True, seed=5)
    assert caught.value.param == "seed"
