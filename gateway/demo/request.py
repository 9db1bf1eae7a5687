"""A Chat Completions request, checked and read into frozen data.

It refuses what a strict server refuses, the Responses API's own fields first of all: a field that a gateway
forgot to translate must not pass unseen. It does not decide what to answer.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.messages import check_messages
from gateway.errors import ErrorKind, GatewayError

MODELS = ("demo", "demo-reasoner")
"""`demo` answers plainly, `demo-reasoner` thinks first."""

ToolChoice = Literal["none", "auto", "required"]

_FOREIGN_FIELDS = (
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "text",
    "truncation",
)
_RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 1),
    "top_logprobs": (0, 20),
    "max_tokens": (1, 2**31),
    "max_completion_tokens": (1, 2**31),
}
_WHOLE_NUMBERS = ("n", "top_logprobs", "max_tokens", "max_completion_tokens")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: JSONObject


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the demo upstream needs to know of a request.

    Args:
        tools: the tools that `tool_choice` leaves to choose from.
        tool_choice: `required` when one of the tools has to be called, also when it was named.
        output_schema: the JSON schema that the text must fit; `{"type": "object"}` for `json_object`.
        top_logprobs: how many alternatives a token; None when log probabilities were not asked for.
        reasoning_effort: as sent; None when it was not.
    """

    model: str
    messages: list[JSONObject]
    stream: bool = False
    include_usage: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    output_schema: JSONObject | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    reasoning_effort: str | None = None


def read_request(body: JSONValue) -> ChatRequest:
    """Check a request body.

    Raises:
        GatewayError: names the first field that is wrong.
    """
    if not isinstance(body, dict):
        raise GatewayError(ErrorKind.INVALID_TYPE, "The body must be a JSON object.")
    _check_fields(body)
    tools = _tools(body)
    choice, tools = _tool_choice(body.get("tool_choice"), tools)
    stream = _flag(body, "stream", usual=False)
    return ChatRequest(
        model=_model(body),
        messages=check_messages(body["messages"]),
        stream=stream,
        include_usage=_include_usage(body, stream=stream),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=_flag(body, "parallel_tool_calls", usual=True),
        output_schema=_output_schema(body),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=_stop(body.get("stop")),
        top_logprobs=_top_logprobs(body),
        reasoning_effort=_reasoning_effort(body),
    )


def _check_fields(body: JSONObject) -> None:
    for name in ("model", "messages"):
        if body.get(name) is None:
            raise invalid(name, "is missing", ErrorKind.MISSING_PARAMETER)
    for name in _FOREIGN_FIELDS:
        if name in body:
            raise invalid(name, "is not a field of Chat Completions", ErrorKind.UNSUPPORTED_PARAMETER)
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is not None:
            _check_number(name, value, low, high)


def _check_number(name: str, value: JSONValue, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(name, "must be a number", ErrorKind.INVALID_TYPE)
    if name in _WHOLE_NUMBERS and not isinstance(value, int):
        raise invalid(name, "must be a whole number", ErrorKind.INVALID_TYPE)
    if not low <= value <= high:
        raise invalid(name, f"must be from {low} to {high}")


def _model(body: JSONObject) -> str:
    model = _string(body["model"], "model")
    if model not in MODELS:
        raise GatewayError(ErrorKind.MODEL_NOT_FOUND, f"The model '{model[:100]}' does not exist.", param="model")
    return model


def _include_usage(body: JSONObject, *, stream: bool) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise invalid("stream_options", "is allowed only with stream: true")
    return _flag(_object(options, "stream_options"), "include_usage", usual=False)


def _tools(body: JSONObject) -> tuple[Tool, ...]:
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) is not None:
                raise invalid(name, "is allowed only with tools")
        return ()
    if not isinstance(tools, list) or not tools:
        raise invalid("tools", "must be a list with at least one tool")
    read = tuple(_tool(tool, f"tools[{position}]") for position, tool in enumerate(tools))
    if len({tool.name for tool in read}) < len(read):
        raise invalid("tools", "must not repeat a name")
    return read


def _tool(tool: JSONValue, place: str) -> Tool:
    if _object(tool, place).get("type") != "function":
        raise invalid(f"{place}.type", "must be 'function'")
    function = _object(tool.get("function"), f"{place}.function")
    name = _string(function.get("name"), f"{place}.function.name")
    if len(name) > 64 or not name.replace("_", "a").replace("-", "a").isalnum() or not name.isascii():
        raise invalid(f"{place}.function.name", "must be 1 to 64 letters, digits, '_' or '-'")
    return Tool(
        name=name,
        description=_string(function.get("description") or "", f"{place}.function.description"),
        parameters=_object(function.get("parameters") or {}, f"{place}.function.parameters"),
    )


def _tool_choice(choice: JSONValue, tools: tuple[Tool, ...]) -> tuple[ToolChoice, tuple[Tool, ...]]:
    match choice:
        case None | "auto":
            return "auto", tools
        case "none":
            return "none", tools
        case "required":
            return "required", tools
        case {"type": "function", "function": {"name": name}}:
            return "required", _selected([name], tools)
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(allowed)}}:
            return mode, _selected([_allowed_name(entry) for entry in allowed], tools)
        case _:
            raise invalid("tool_choice", "must be none, auto, required or a named function")


def _allowed_name(entry: JSONValue) -> JSONValue:
    match entry:
        case {"type": "function", "function": {"name": name}}:
            return name
        case _:
            raise invalid("tool_choice.allowed_tools.tools", "must be a list of named functions")


def _selected(names: list[JSONValue], tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    offered = {tool.name: tool for tool in tools}
    for name in names:
        if name not in offered:
            raise invalid("tool_choice", "names a tool that is not in tools")
    return tuple(offered[name] for name in names)


def _output_schema(body: JSONObject) -> JSONObject | None:
    form = body.get("response_format")
    match form:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"name": str(), "schema": dict(schema)}}:
            return schema
        case _:
            raise invalid("response_format", "must be text, json_object or json_schema with a name and a schema")


def _stop(stop: JSONValue) -> tuple[str, ...]:
    if stop is None:
        return ()
    stops = stop if isinstance(stop, list) else [stop]
    return tuple(_string(entry, "stop") for entry in stops if entry != "")


def _top_logprobs(body: JSONObject) -> int | None:
    count: int | None = body.get("top_logprobs")
    if _flag(body, "logprobs", usual=False):
        return count or 0
    if count is not None:
        raise invalid("top_logprobs", "is allowed only with logprobs: true")
    return None


def _reasoning_effort(body: JSONObject) -> str | None:
    effort: JSONValue = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise invalid("reasoning_effort", f"must be one of {', '.join(_EFFORTS)}")
    return None if effort is None else str(effort)


def _flag(body: JSONObject, name: str, *, usual: bool) -> bool:
    value = body.get(name)
    if value is None:
        return usual
    return _of_type(value, bool, name, "true or false")


def _string(value: JSONValue, place: str) -> str:
    return _of_type(value, str, place, "a string")


def _object(value: JSONValue, place: str) -> JSONObject:
    return _of_type(value, dict, place, "an object")


_Value = TypeVar("_Value")


def _of_type(value: JSONValue, kind: type[_Value], place: str, words: str) -> _Value:
    if not isinstance(value, kind):
        raise invalid(place, f"must be {words}", ErrorKind.INVALID_TYPE)
    return value


def invalid(place: str, rule: str, kind: ErrorKind = ErrorKind.INVALID_VALUE) -> GatewayError:
    """The error for one field."""
    return GatewayError(kind, f"Invalid '{place}': it {rule}.", param=place)
