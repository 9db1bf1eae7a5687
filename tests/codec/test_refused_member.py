import pytest

from gateway.codec.json import JSONObject
from gateway.codec.refused_member import RefusedMember, refused_member, without_member
from gateway.codec.upstream_error import error_from_response

SENT: JSONObject = {
    "model": "m",
    "messages": [],
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "max_tokens": 5,
    "temperature": 0.5,
    "presence_penalty": 1,
    "reasoning_effort": "low",
    "seed": 1,
    "stop": ["x"],
    "logprobs": True,
    "top_k": 1,
    "thinking": {"type": "enabled"},
    "response_format": {"type": "json_object"},
}

NAMED = [
    ("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", "parallel_tool_calls"),
    ("Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1)", "temperature"),
    ("invalid temperature: only 1 is allowed for this model", "temperature"),
    ("body.reasoning_effort: Input should be 'none' or 'high'", "reasoning_effort"),
    ("Unrecognized request argument supplied: top_k", "top_k"),
    ("Unknown parameter: 'seed'.", "seed"),
    ("body.top_k: Extra inputs are not permitted", "top_k"),
    ("property 'logprobs' is unsupported", "logprobs"),
    ("parallel_tool_calls: Extra inputs are not permitted", "parallel_tool_calls"),
    ("litellm.UnsupportedParamsError: openai does not support parameters: ['reasoning_effort'], for model=x",
     "reasoning_effort"),
    ("Unexpected fields in the request: {'top_k'}", "top_k"),
    ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),
    ("Argument not supported on this model: presencePenalty", "presence_penalty"),
    ("Additional properties are not allowed ('thinking' was unexpected)", "thinking"),
    ("unknown field `top_k`, expected one of `model`, `messages`, `temperature`", "top_k"),
    ("stream_options.include_usage: Extra inputs are not permitted", "stream_options"),
    ("'tool_choice' is not supported", "tool_choice"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "name"), NAMED)
def test_an_optional_member_that_is_named_is_found(message: str, name: str) -> None:
    assert refused_member(message, SENT) == RefusedMember(name)


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'messages'",
        "'model' is not supported",
        "tools: Extra inputs are not permitted",
        "body.messages.1.reasoning_content: Extra inputs are not permitted",
        "tools.0.function.temperature: Extra inputs are not permitted",
        "'stop' is not supported with this model",
        "'response_format' of type 'json_schema' is not supported with this model",
        "Unsupported parameter: 'max_tokens'",
        "Unsupported parameter: 'verbosity'",
        "This model does not support thinking in such a way, and no seed helps",
        "temperature must be between 0 and 2",
        "body.temperature: Input should be less than or equal to 1.5",
        "",
    ],
)
def test_nothing_else_is_ever_found(message: str) -> None:
    assert refused_member(message, SENT) is None


def test_a_choice_that_demands_something_stays() -> None:
    assert refused_member("'tool_choice' is not supported", SENT | {"tool_choice": "required"}) is None


def test_a_limit_is_renamed_and_never_given_up() -> None:
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    refused = refused_member(message, {"model": "m", "max_tokens": 5})
    assert refused == RefusedMember("max_tokens", "max_completion_tokens")
    assert without_member({"model": "m", "max_tokens": 5}, refused) == {"model": "m", "max_completion_tokens": 5}
    both = {"max_tokens": 5, "max_completion_tokens": 5}
    assert refused_member("Unsupported parameter: 'max_tokens'", both) == RefusedMember("max_tokens")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"Unsupported parameter: \'seed\'","param":"seed","code":"unsupported_parameter"}}',
        b'{"object":"error","message":{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}}',
        b'{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}',
        b'{"detail":"Unexpected fields in the request: {\'seed\'}"}',
        b'{"message":"property \'seed\' is unsupported","type":"invalid_request_error"}',
        b'[{"error":{"code":400,"message":"Unknown name \\"seed\\": Cannot find field.","status":"INVALID"}}]',
        b'{"code":"invalid-argument","error":"Argument not supported: seed"}',
    ],
)
def test_every_form_of_an_error_body_is_understood(body: bytes) -> None:
    assert refused_member(error_from_response(422, {}, body).message, SENT) == RefusedMember("seed")
