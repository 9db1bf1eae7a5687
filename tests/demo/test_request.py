"""Reading and refusing Chat Completions requests."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.request import ChatRequest, Tool, read_request
from gateway.errors import ErrorKind, GatewayError

MESSAGES = [{"role": "user", "content": "Hi"}]
FUNCTION = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": {}}}
OTHER = {"type": "function", "function": {"name": "get_time"}}


def body(**fields: JSONValue) -> JSONObject:
    return {"model": "demo", "messages": MESSAGES, **fields}


def test_the_smallest_request_gets_the_usual_values() -> None:
    assert read_request(body()) == ChatRequest("demo", MESSAGES)


def test_null_means_not_sent() -> None:
    names = ("stream", "tools", "tool_choice", "stop", "logprobs", "max_tokens", "temperature", "reasoning_effort")
    assert read_request(body(**dict.fromkeys(names))) == ChatRequest("demo", MESSAGES)


def test_every_field_is_read() -> None:
    request = read_request(
        body(
            stream=True,
            stream_options={"include_usage": True},
            tools=[FUNCTION, OTHER],
            tool_choice="required",
            parallel_tool_calls=False,
            max_completion_tokens=7,
            stop=["a", "b", ""],
            logprobs=True,
            top_logprobs=3,
            reasoning_effort="low",
            temperature=0.5,
        )
    )
    tools = (Tool("get_weather", "Weather.", {}), Tool("get_time", "", {}))
    expected = ChatRequest("demo", MESSAGES, True, True, tools, "required", False, None, 7, ("a", "b"), 3, "low")
    assert request == expected


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("none", "none", ["get_weather", "get_time"]),
        ("auto", "auto", ["get_weather", "get_time"]),
        ({"type": "function", "function": {"name": "get_time"}}, "required", ["get_time"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}}, "auto", ["get_weather"]),
    ],
)
def test_tool_choice_narrows_the_tools(choice: JSONValue, mode: str, names: list[str]) -> None:
    request = read_request(body(tools=[FUNCTION, OTHER], tool_choice=choice))
    assert (request.tool_choice, [tool.name for tool in request.tools]) == (mode, names)


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "null"}}}, {"type": "null"}),
    ],
)
def test_the_response_format_becomes_a_schema(form: JSONObject, schema: JSONObject | None) -> None:
    assert read_request(body(response_format=form)).output_schema == schema


def test_max_tokens_is_read_too() -> None:
    assert read_request(body(max_tokens=3)).max_tokens == 3


def test_logprobs_without_alternatives() -> None:
    assert read_request(body(logprobs=True)).top_logprobs == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"model": None}, "model"),
        ({"model": 1}, "model"),
        ({"input": "Hi"}, "input"),
        ({"max_output_tokens": 5}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"stop": [1]}, "stop"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": ["low"]}, "reasoning_effort"),
        ({"tools": []}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"type": "function", "name": "flat"}]}, "tools[0].function"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "x" * 65}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": [1]}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": [FUNCTION, FUNCTION]}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        ({"tools": [FUNCTION], "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "get_weather"}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        (
            {
                "tools": [FUNCTION],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [1]}},
            },
            "tool_choice.allowed_tools.tools",
        ),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "schema": {}}}, "response_format"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: JSONObject, param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read_request(body(**fields))
    assert refused.value.param == param
    assert refused.value.status == 400


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(GatewayError) as refused:
        read_request(body(model="gpt"))
    assert refused.value.kind is ErrorKind.MODEL_NOT_FOUND


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(GatewayError, match="must be a JSON object"):
        read_request([])
