"""What the official SDK says about our bytes: the one validator of every test that sees events or objects of ours.

`check_stream` reads a whole event stream, `check_response` a JSON answer, `check_error` an error body. Each
raises `Violation` (an AssertionError) that says what is wrong. The shapes are openai-python's own models, read
strictly; the order of events is in `tests/event_rules.py`. It does not know what a stream should say.
"""

from collections.abc import Iterator
from typing import get_args

import orjson
import pydantic
from openai.types.responses import Response
from openai.types.responses.response_stream_event import ResponseStreamEvent

from gateway.codec.json import JSONObject, JSONValue
from tests.event_rules import StreamCheck, Violation, check_final_response, fold, require

__all__ = ["StreamCheck", "Violation", "check_error", "check_response", "check_stream", "read_frames"]

EVENT_MODELS: dict[str, type[pydantic.BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(ResponseStreamEvent)[0])
}

BEYOND_THE_SDK: dict[tuple[str, str], str] = {
    ("Response", "store"): "Open Responses requires it",
    ("Response", "presence_penalty"): "Open Responses requires it",
    ("Response", "frequency_penalty"): "Open Responses requires it",
    ("ResponseUsage", "estimated"): "says that the upstream counted nothing and the gateway did",
    ("ResponseCustomToolCall", "status"): "the AI SDK requires it, the live service sends it",
    ("ResponseFunctionCallArgumentsDoneEvent", "name"): "typed SDKs of Java and Swift require it",
    ("Logprob", "bytes"): "Open Responses requires it in delta and done too",
    ("LogprobTopLogprob", "bytes"): "Open Responses requires it in delta and done too",
}
"""Keys that the SDK's models do not know, by model and key, each with the reason why they are sent."""

CODES_BEYOND_THE_SDK = {"context_length_exceeded", "insufficient_quota", "server_is_overloaded"}
"""`response.error.code` values that Codex acts on and that are missing from the SDK's enumeration."""

RESPONSE_KEYS = frozenset(
    {
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "background",
        "error",
        "incomplete_details",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "output",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "safety_identifier",
        "reasoning",
        "service_tier",
        "store",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "truncation",
        "usage",
        "user",
        "metadata",
    }
)
"""The members that a Response object always has, so that the strictest reader is content."""

NEVER_NULL = {"phase", "encrypted_content", "logprobs", "verbosity", "annotations", "status", "namespace"}
"""Optional members that are left out instead: Open Responses refuses null here."""

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_INTEGERS = ("created_at", "top_logprobs")
_FOREIGN = {"tools", "text", "metadata", "tool_choice", "arguments", "action", "operation"}
"""What the client or the model wrote: null is theirs to choose."""


def check_stream(body: bytes, *, comments: bool = False) -> StreamCheck:
    """Read a whole event stream and hold it against every rule.

    Args:
        body: the exact bytes of the HTTP body.
        comments: whether comment frames are allowed between events (the heartbeat may be one).

    Raises:
        Violation: with the first rule that is broken.
    """
    events = list(read_frames(body, comments=comments))
    for event in events:
        check_event(event)
    return fold(events)


def check_event(event: JSONObject) -> None:
    """One event against the SDK's model of its type."""
    name = event.get("type")
    if name == "keepalive":
        require(event.keys() == {"type", "sequence_number"}, f"keepalive with more: {event}")
        return
    require(name in EVENT_MODELS, f"unknown event type {name!r}: the node SDK's helper would throw")
    if "response" in event:
        _check_object(event["response"])
        event = event | {"response": _with_known_code(event["response"])}
    _validate(EVENT_MODELS[str(name)], event, str(name))


def check_response(answer: JSONObject) -> None:
    """A whole JSON answer: the SDK's model, the always-present members, and an end that is consistent."""
    _check_object(answer)
    _validate(Response, _with_known_code(answer), "response")
    check_final_response(answer)


def check_error(body: JSONObject) -> None:
    """An HTTP error body: `error` alone, with exactly message, type, param and code."""
    require(isinstance(body, dict) and body.keys() == {"error"}, f"not an error body: {body!r:.300}")
    error = body["error"]
    require(isinstance(error, dict), f"error is not an object: {error!r:.300}")
    require(error.keys() == {"message", "type", "param", "code"}, f"wrong members of error: {sorted(error)}")
    require(bool(error["message"]) and isinstance(error["message"], str), "error.message is empty or no string")
    require(isinstance(error["type"], str), "error.type is no string")
    require(isinstance(error["code"], str), "error.code is no string: some clients show nothing then")
    require(error["param"] is None or isinstance(error["param"], str), "error.param is neither null nor a string")


def read_frames(body: bytes, *, comments: bool = False, whole: bool = True) -> Iterator[JSONObject]:
    """The events of a stream, framed as strictly as the strictest client reads.

    Every frame is `event: T`, `data: JSON`, an empty line, with LF alone; the last one is `data: [DONE]`.

    Args:
        body: the bytes.
        comments: whether comment frames are allowed.
        whole: whether the stream must have its end; without, a prefix is fine if it is made of whole frames.
    """
    require(b"\r" not in body, "a carriage return in the stream")
    require(body.endswith(b"\n\n") or not whole, f"the stream does not end with an empty line: {body[-60:]!r}")
    frames = body.split(b"\n\n")
    last = frames.pop()
    require(last == b"", f"an unfinished frame at the end: {last!r:.200}")
    if whole:
        require(bool(frames) and frames.pop() == b"data: [DONE]", f"the last frame is not [DONE]: {body[-200:]!r}")
    for frame in frames:
        if not (comments and frame.startswith(b":")):
            yield _read_frame(frame)


def _read_frame(frame: bytes) -> JSONObject:
    lines = frame.split(b"\n")
    require(len(lines) == 2, f"a frame of {len(lines)} lines: {frame!r:.300}")
    require(lines[0].startswith(b"event: "), f"the first line is not `event: `: {frame!r:.300}")
    require(lines[1].startswith(b"data: "), f"the second line is not `data: `: {frame!r:.300}")
    try:
        event: JSONValue = orjson.loads(lines[1][6:])
    except orjson.JSONDecodeError as error:
        raise Violation(f"data is not JSON in UTF-8 ({error}): {frame!r:.300}") from error
    require(isinstance(event, dict), f"data is not an object: {frame!r:.300}")
    name = lines[0][7:].decode()
    require(event.get("type") == name, f"event: {name} but data.type is {event.get('type')!r}")
    return dict(event)


def _check_object(response: JSONValue) -> None:
    """What readers other than the SDK demand of every Response object."""
    require(isinstance(response, dict), f"response is not an object: {response!r:.200}")
    missing = RESPONSE_KEYS - response.keys()
    require(not missing, f"the response object lacks {sorted(missing)}")
    for key in _NUMBERS:
        require(_is_number(response[key]), f"response.{key} is not a number: {response[key]!r}")
    for key in _INTEGERS:
        require(type(response[key]) is int, f"response.{key} is not an integer: {response[key]!r}")
    require(response["completed_at"] is None or type(response["completed_at"]) is int, "completed_at is not an integer")
    for key in ("service_tier", "truncation"):
        require(isinstance(response[key], str), f"response.{key} is not a string: {response[key]!r}")
    for key in ("background", "store"):
        require(type(response[key]) is bool, f"response.{key} is not a boolean: {response[key]!r}")
    require(isinstance(response["metadata"], dict), "response.metadata is not an object")
    require(response["reasoning"].keys() >= {"effort", "summary"}, "response.reasoning lacks effort or summary")
    require(isinstance(response["text"].get("verbosity"), str), "response.text.verbosity is not a string")
    require(isinstance(response["text"].get("format"), dict), "response.text.format is missing")
    for tool in response["tools"]:
        _check_tool_echo(tool)


def _check_tool_echo(tool: JSONObject) -> None:
    if tool["type"] == "function":
        missing = {"type", "name", "description", "parameters", "strict"} - tool.keys()
        require(not missing, f"the echo of the tool {tool.get('name')} lacks {sorted(missing)}")


def _is_number(value: JSONValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with_known_code(response: JSONObject) -> JSONObject:
    """The object with an error code that the SDK's enumeration knows."""
    error = response.get("error")
    if isinstance(error, dict) and error.get("code") in CODES_BEYOND_THE_SDK:
        return response | {"error": error | {"code": "server_error"}}
    return response


def _validate(model: type[pydantic.BaseModel], value: JSONObject, at: str) -> None:
    try:
        read = model.model_validate_json(orjson.dumps(value), strict=True)
    except pydantic.ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:4])
        raise Violation(f"{at}: the SDK's model refuses it: {reasons}") from error
    _refuse_unknown_keys(read, at)
    _refuse_nulls(value, at)


def _refuse_unknown_keys(value: object, at: str) -> None:
    if isinstance(value, pydantic.BaseModel):
        name = type(value).__name__
        for key in value.model_extra or {}:
            require((name, key) in BEYOND_THE_SDK, f"{at}: {name} has no member {key!r}")
        for key in value.model_fields_set - (value.model_extra or {}).keys():
            _refuse_unknown_keys(getattr(value, key), f"{at}.{key}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _refuse_unknown_keys(element, f"{at}[{index}]")


def _refuse_nulls(value: JSONValue, at: str) -> None:
    if isinstance(value, dict):
        for key, member in value.items():
            require(member is not None or key not in NEVER_NULL, f"{at}.{key} is null: leave it out instead")
            if key not in _FOREIGN:
                _refuse_nulls(member, f"{at}.{key}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _refuse_nulls(element, f"{at}[{index}]")
