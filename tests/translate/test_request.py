"""Requests as a whole: what is refused before any upstream is known, and what a plan holds."""

import copy
import time

import pytest

from gateway.codec.json import JSONObject, JSONValue, dumps, parse_body
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.request import plan, read_request
from tests.translate.planning import call, check_order, function, output, plan_of, user


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        ({"input": "a"}, ErrorKind.MISSING_PARAMETER, "model"),
        ({"model": None, "input": "a"}, ErrorKind.MISSING_PARAMETER, "model"),
        ({"model": "", "input": "a"}, ErrorKind.MISSING_PARAMETER, "model"),
        ({"model": 1, "input": "a"}, ErrorKind.INVALID_TYPE, "model"),
        ({"model": "m"}, ErrorKind.MISSING_PARAMETER, "input"),
        ({"model": "m", "input": None}, ErrorKind.MISSING_PARAMETER, "input"),
        ({"model": "m", "input": []}, ErrorKind.INVALID_VALUE, "input"),
        ({"model": "m", "input": 5}, ErrorKind.INVALID_TYPE, "input"),
        ({"model": "m", "input": ["a"]}, ErrorKind.INVALID_TYPE, "input[0]"),
        ({"model": "m", "prompt": {"id": "p"}}, ErrorKind.UNSUPPORTED_PARAMETER, "prompt"),
        (
            {"model": "m", "input": "a", "previous_response_id": "resp_1", "conversation": "conv_1"},
            ErrorKind.INVALID_VALUE,
            "previous_response_id",
        ),
        ({"model": "m", "input": "a", "conversation": {}}, ErrorKind.MISSING_PARAMETER, "conversation.id"),
        ({"model": "m", "input": "a", "stream": "yes"}, ErrorKind.INVALID_TYPE, "stream"),
        ({"model": "m", "input": "a", "max_output_tokens": 0}, ErrorKind.INVALID_VALUE, "max_output_tokens"),
        ({"model": "m", "input": "a", "max_output_tokens": 1.5}, ErrorKind.INVALID_TYPE, "max_output_tokens"),
        ({"model": "m", "input": "a", "tools": {}}, ErrorKind.INVALID_TYPE, "tools"),
        ({"model": "m", "input": "a", "tools": ["f"]}, ErrorKind.INVALID_TYPE, "tools[0]"),
        ({"model": "m", "input": "a", "include": "x"}, ErrorKind.INVALID_TYPE, "include"),
        ({"model": "m", "input": "a", "metadata": {"a": 1}}, ErrorKind.INVALID_TYPE, "metadata"),
        (
            {"model": "m", "input": "a", "metadata": {str(n): "" for n in range(17)}},
            ErrorKind.INVALID_VALUE,
            "metadata",
        ),
        (
            {"model": "m", "input": "a", "moderation": {"model": "x", "policy": {"output": {"mode": "block"}}}},
            ErrorKind.UNSUPPORTED_VALUE,
            "moderation.policy.output.mode",
        ),
    ],
)
def test_a_broken_request_is_refused_with_its_place(body: JSONObject, kind: ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        read_request(body)
    assert (caught.value.kind, caught.value.param, caught.value.status) == (kind, param, 400)


def test_a_text_is_one_message_of_the_user() -> None:
    sent = plan_of(input="hello", instructions="be brief")
    assert sent.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "stream": False,
    }
    assert (sent.dropped, sent.stream, sent.include_logprobs, sent.top_logprobs) == ((), False, False, 0)


def test_an_input_with_nothing_for_a_model_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(input=[{"type": "compaction", "encrypted_content": "x"}])
    assert (caught.value.kind, caught.value.param) == (ErrorKind.INVALID_VALUE, "input")


@pytest.mark.parametrize(
    ("usage", "sent"), [(True, {"stream": True, "stream_options": {"include_usage": True}}), (False, {"stream": True})]
)
def test_a_stream_asks_for_its_usage_where_it_may(usage: bool, sent: JSONObject) -> None:
    streamed = plan_of(stream=True, quirks=Quirks(stream_usage=usage))
    assert {key: value for key, value in streamed.body.items() if key.startswith("stream")} == sent
    assert streamed.stream


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("background", True),
        ("background_options", {"completion_window": "2h"}),
        ("store", True),
        ("context_management", [{"type": "compaction"}]),
        ("moderation", {"model": "x", "policy": {"input": {"mode": "score"}}}),
        ("access_programs", {"a": 1}),
        ("image", {"a": 1}),
        ("prompt_cache_options", {"mode": "explicit"}),
        ("prompt_cache_retention", "24h"),
        ("client_metadata", {"a": "b"}),
        ("generate", False),
        ("stream_options", {}),
    ],
)
def test_what_this_gateway_does_not_have_is_noted_or_refused(member: str, value: JSONValue) -> None:
    assert plan_of(**{member: value}).dropped == (member,)
    with pytest.raises(GatewayError) as caught:
        plan_of(strict=True, **{member: value})
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_PARAMETER, member)


@pytest.mark.parametrize(
    ("members", "dropped"),
    [
        ({"truncation": "auto"}, "truncation"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"include": ["reasoning.encrypted_content", "file_search_call.results"]}, "include:file_search_call.results"),
        ({"include": ["a b"]}, "include:a_b"),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        (
            {"stream": True, "stream_options": {"reasoning_summary_delivery": "x"}},
            "stream_options.reasoning_summary_delivery",
        ),
        ({"tools": [function("f")], "parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
def test_a_value_that_changes_nothing_is_noted_or_refused(members: JSONObject, dropped: str) -> None:
    quirks = Quirks(parallel_tool_calls="drop")
    assert plan_of(quirks=quirks, **members).dropped == (dropped,)
    with pytest.raises(GatewayError) as caught:
        plan_of(quirks=quirks, strict=True, **members)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, dropped.partition(":")[0])


@pytest.mark.parametrize(
    "members",
    [
        {"store": False, "background": False, "truncation": "disabled", "service_tier": "auto", "generate": True},
        {"include": [], "client_metadata": {}, "tools": [], "text": {}, "reasoning": None, "metadata": None},
        {"tools": [function("f")], "tool_choice": "auto", "parallel_tool_calls": True, "stream": True},
        {"prompt_cache_key": "k", "safety_identifier": "s", "user": "u", "max_tool_calls": 2, "metadata": {"a": "b"}},
    ],
)
def test_a_request_that_loses_nothing_passes_strict_mode(members: JSONObject) -> None:
    assert plan_of(strict=True, **members).dropped == ()


def test_parallel_calls_are_sent_only_with_tools_and_only_as_asked() -> None:
    assert "parallel_tool_calls" not in plan_of(tools=[function("f")]).body
    for wanted in (True, False):
        assert plan_of(tools=[function("f")], parallel_tool_calls=wanted).body["parallel_tool_calls"] is wanted
    assert "parallel_tool_calls" not in plan_of(parallel_tool_calls=False).body


def test_the_members_of_the_configuration_come_on_top() -> None:
    quirks = Quirks(extra_body={"tool_stream": True, "temperature": 1})
    body = plan_of(temperature=0, quirks=quirks).body
    assert (body["tool_stream"], body["temperature"]) == (True, 1)


def test_losses_come_in_the_order_in_which_the_client_wrote() -> None:
    items = [user("a"), {"type": "mcp_call"}]
    first = plan_of(tools=[{"type": "mcp"}], foo=1, store=True)
    assert first.dropped == ("tools[0]:mcp", "foo", "store")
    assert plan_of(store=True, input=items, foo=1).dropped == ("input[1]:mcp_call", "store", "foo")


def test_the_objects_of_the_client_are_never_changed() -> None:
    body = large_request(20)
    before = copy.deepcopy(body)
    first = plan(read_request(body), model="m", quirks=Quirks(), strict=False)
    assert body == before
    assert plan(read_request(body), model="m", quirks=Quirks(), strict=False) == first


def large_request(turns: int) -> JSONObject:
    schema = {"type": "object", "properties": {str(n): {"type": "string", "encrypted": True} for n in range(8)}}
    tools = [function(f"f{number}", parameters=schema) for number in range(120)]
    items = [user("start")]
    for turn in range(turns):
        items.append({"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]})
        items.append(call(f"call_{turn}", f"f{turn}", dumps({"x": "y\n" * 2500}).decode()))
        items.append(output(f"call_{turn}", "z\n" * 2500))
    return {"model": "m", "input": items, "tools": tools, "stream": True}


def test_a_long_history_costs_milliseconds() -> None:
    data = dumps(large_request(200))
    started = time.perf_counter()
    sent = plan(
        read_request(parse_body(data, max_depth=100, max_containers=200_000)), model="m", quirks=Quirks(), strict=False
    )
    # About 20 ms on a quiet machine of 2018; the limit only tells linear from quadratic.
    assert time.perf_counter() - started < 5
    check_order(sent.body["messages"])
    assert len(sent.body["messages"]) == 401
