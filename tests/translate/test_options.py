"""How the model shall answer: each option in the form of the upstream, or noted."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import MaxTokensField, Quirks, ReasoningParam
from tests.translate.planning import plan_of, user

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORMAT = {"type": "json_schema", "name": "n", "schema": SCHEMA}
ASIDE = {"model", "messages", "stream"}


def members(quirks: Quirks | None = None, **sent: JSONValue) -> JSONObject:
    body = plan_of(quirks=quirks or Quirks(), **sent).body
    return {key: value for key, value in body.items() if key not in ASIDE}


def test_a_plain_request_sends_nothing_more() -> None:
    assert members() == {}


def test_sampling_keeps_its_names() -> None:
    sampling: JSONObject = {"temperature": 0, "top_p": 0.5, "presence_penalty": -1, "frequency_penalty": 2}
    assert members(**sampling) == sampling


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_limit_has_the_name_the_upstream_reads(field: str) -> None:
    assert members(Quirks(max_tokens_field=field), max_output_tokens=5) == {field: 5}  # type: ignore[arg-type]


def test_the_limit_may_need_both_names() -> None:
    both = members(Quirks(max_tokens_field="both"), max_output_tokens=5)
    assert both == {"max_tokens": 5, "max_completion_tokens": 5}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"top_logprobs": 0}, {}),
    ],
)
def test_log_probabilities_are_asked_for_in_either_way(asked: JSONObject, sent: JSONObject) -> None:
    plan = plan_of(**asked)
    assert members(**asked) == sent
    assert (plan.include_logprobs, plan.top_logprobs) == (bool(sent), asked.get("top_logprobs", 0))
    assert plan.dropped == ()


def test_what_only_shapes_the_sampling_passes_through() -> None:
    extra: JSONObject = {
        "seed": 1,
        "stop": ["x"],
        "top_k": 2,
        "min_p": 0.1,
        "logit_bias": {"1": 2},
        "repetition_penalty": 1.1,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    plan = plan_of(**extra)
    assert {key: plan.body[key] for key in extra} == extra
    assert plan.dropped == ()


@pytest.mark.parametrize(
    "name", ["n", "api_base", "base_url", "extra_headers", "api_key", "headers", "messages", "extra", "members"]
)
def test_no_other_unknown_member_passes_through(name: str) -> None:
    unknown: JSONObject = {name: "http://evil"}
    plan = plan_of(**unknown)
    assert "evil" not in str(plan.body)
    assert plan.dropped == (name,)


def test_an_unknown_member_that_is_null_asks_for_nothing() -> None:
    assert plan_of(seed=None, foo=None).dropped == ()
    assert members(seed=None) == {}


@pytest.mark.parametrize("effort", ["none", "low", "medium", "high", "another"])
def test_an_effort_is_passed_on(effort: str) -> None:
    assert members(reasoning={"effort": effort, "summary": "auto"}) == {"reasoning_effort": effort}


@pytest.mark.parametrize(("effort", "sent"), [("minimal", "low"), ("xhigh", "high"), ("max", "high")])
def test_an_effort_that_few_upstreams_know_is_replaced_and_noted(effort: str, sent: str) -> None:
    plan = plan_of(reasoning={"effort": effort})
    assert plan.body["reasoning_effort"] == sent
    assert plan.dropped == ("reasoning.effort",)
    assert plan.echo["reasoning"]["effort"] == effort


def test_an_upstream_without_effort_gets_none() -> None:
    plan = plan_of(reasoning={"effort": "low"}, quirks=Quirks(reasoning_param="none"))
    assert "reasoning_effort" not in plan.body
    assert plan.dropped == ("reasoning.effort",)


def test_no_effort_is_no_loss() -> None:
    assert plan_of(reasoning={"effort": None, "summary": "auto"}, quirks=Quirks(reasoning_param="none")).dropped == ()


def test_the_other_reasoning_options_are_noted() -> None:
    plan = plan_of(reasoning={"context": "all_turns", "mode": "pro"})
    assert plan.dropped == ("reasoning.context", "reasoning.mode")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"type": "text"}, {}),
        ({"type": "json_object"}, {"response_format": {"type": "json_object"}}),
        (FORMAT, {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}),
        (
            FORMAT | {"strict": False, "description": "d"},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "description": "d", "strict": False},
                }
            },
        ),
    ],
)
def test_a_format_is_a_response_format(asked: JSONObject, sent: JSONObject) -> None:
    assert members(text={"format": asked}) == sent


@pytest.mark.parametrize(
    ("known", "sent"), [(("json_object",), {"response_format": {"type": "json_object"}}), ((), {})]
)
def test_a_schema_that_is_not_enforced_is_told_to_the_model_and_noted(known: tuple[str, ...], sent: JSONObject) -> None:
    quirks = Quirks(response_format=known)  # type: ignore[arg-type]
    plan = plan_of(text={"format": FORMAT}, instructions="i", quirks=quirks)
    assert {key: value for key, value in plan.body.items() if key not in ASIDE} == sent
    system = plan.body["messages"][0]["content"]
    assert system.startswith("i\n\n")
    assert '{"type":"object","properties":{"a":{"type":"string"}}}' in system
    assert plan.dropped == ("text.format:json_schema",)


def test_a_json_object_that_is_not_enforced_is_asked_for_in_words() -> None:
    plan = plan_of(text={"format": {"type": "json_object"}}, quirks=Quirks(response_format=("json_schema",)))
    assert "JSON object" in plan.body["messages"][0]["content"]
    assert "response_format" not in plan.body


@pytest.mark.parametrize(
    ("sent", "kind", "param"),
    [
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, ErrorKind.MISSING_PARAMETER, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, ErrorKind.MISSING_PARAMETER, "text.format.schema"),
        ({"text": {"format": {"type": "xml"}}}, ErrorKind.INVALID_VALUE, "text.format.type"),
        ({"text": {"format": {}}}, ErrorKind.MISSING_PARAMETER, "text.format.type"),
        ({"text": {"verbosity": "loud"}}, ErrorKind.INVALID_VALUE, "text.verbosity"),
        ({"reasoning": {"effort": 1}}, ErrorKind.INVALID_TYPE, "reasoning.effort"),
        (
            {"input": [{"type": "configuration_update", "text": {"format": {"type": "json_schema"}}}]},
            ErrorKind.MISSING_PARAMETER,
            "input[0].text.format.name",
        ),
    ],
)
def test_a_broken_option_is_refused_with_its_place(sent: JSONObject, kind: ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(**sent)
    assert (caught.value.kind, caught.value.param) == (kind, param)


def test_verbosity_goes_to_an_upstream_that_knows_it_and_is_noted_elsewhere() -> None:
    assert members(Quirks(verbosity=True), text={"verbosity": "low"}) == {"verbosity": "low"}
    assert members(text={"verbosity": "low"}) == {}
    assert plan_of(text={"verbosity": "low"}).dropped == ("text.verbosity",)
    assert plan_of(text={"verbosity": "medium"}).dropped == ()


def test_a_configuration_update_counts_from_then_on() -> None:
    updates = [
        {"type": "configuration_update", "reasoning": {"effort": "high"}, "text": {"format": {"type": "json_object"}}},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
    ]
    plan = plan_of(
        input=[user("u"), *updates], reasoning={"effort": "medium", "summary": "auto"}, text={"verbosity": "low"}
    )
    assert plan.body["reasoning_effort"] == "low"
    assert plan.body["response_format"] == {"type": "json_object"}
    assert plan.echo["reasoning"] == {"effort": "low", "summary": "auto"}
    assert plan.echo["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "both"])
def test_no_limit_is_sent_that_nobody_asked_for(field: MaxTokensField) -> None:
    limits = {"max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict"}
    for request in ({}, {"max_output_tokens": None}, {"reasoning": {"effort": "high"}, "stream": True}):
        assert limits.isdisjoint(plan_of(quirks=Quirks(max_tokens_field=field), **request).body)


@pytest.mark.parametrize(
    ("param", "effort", "sent", "is_exact"),
    [
        ("effort", "high", {"reasoning_effort": "high"}, True),
        ("openrouter", "high", {"reasoning": {"effort": "high"}}, True),
        ("thinking_effort", "high", {"reasoning_effort": "high"}, True),
        ("thinking_effort", "none", {"thinking": {"type": "disabled"}}, True),
        ("thinking_type", "high", {"thinking": {"type": "enabled"}}, False),
        ("thinking_type", "medium", {"thinking": {"type": "enabled"}}, True),
        ("thinking_type", "none", {"thinking": {"type": "disabled"}}, True),
        ("enable_thinking", "none", {"enable_thinking": False}, True),
        ("chat_template_kwargs", "low", {"chat_template_kwargs": {"enable_thinking": True}}, False),
        ("none", "none", {}, False),
    ],
)
def test_an_effort_has_the_form_of_the_dialect(
    param: ReasoningParam, effort: str, sent: JSONObject, *, is_exact: bool
) -> None:
    plan = plan_of(reasoning={"effort": effort}, quirks=Quirks(reasoning_param=param))
    assert {key: value for key, value in plan.body.items() if key not in ASIDE} == sent
    assert plan.dropped == (() if is_exact else ("reasoning.effort",))


def test_the_table_of_efforts_says_what_is_sent_instead() -> None:
    quirks = Quirks(efforts={"low": "none", "high": ""})
    assert members(quirks, reasoning={"effort": "low"}) == {"reasoning_effort": "none"}
    assert members(quirks, reasoning={"effort": "high"}) == {}
    assert members(quirks, reasoning={"effort": "xhigh"}) == {"reasoning_effort": "xhigh"}
    assert plan_of(reasoning={"effort": "high"}, quirks=quirks).dropped == ("reasoning.effort",)


def test_what_the_client_sets_of_a_template_itself_stays() -> None:
    quirks = Quirks(reasoning_param="chat_template_kwargs")
    effort = {"effort": "medium"}
    asked: JSONObject = {"enable_thinking": False, "x": 1}
    assert members(quirks, reasoning=effort, chat_template_kwargs=asked) == {"chat_template_kwargs": asked}
    assert members(quirks, reasoning=effort, chat_template_kwargs=5) == {"chat_template_kwargs": 5}
    quirks = Quirks(reasoning_param="enable_thinking")
    assert members(quirks, reasoning=effort, enable_thinking=False) == {"enable_thinking": False}
