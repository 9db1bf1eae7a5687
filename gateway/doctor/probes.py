"""The probes: small Chat Completions requests, and what each of them asks of its answer. Data, and nothing else.

The prompts are short and have one obvious answer; where a feature must be told from a model that does the right thing
by chance, the prompt speaks against it ("Say hello", but a tool call is required).
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.codec.json import JSONObject, JSONValue
from gateway.doctor import readings
from gateway.doctor.findings import Findings
from gateway.doctor.readings import Read

LIMIT = 256
"""Tokens that an answer may have: enough for a model that thinks before it calls a tool."""
_LOW_LIMIT = 6
"""Tokens of an answer that is meant to be cut."""
_CHEAP_WINDOW = 8192
"""Tokens of a context that is filled to see what happens."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an answer.

    Args:
        name: for conclusions.
        subject: for people.
        read: finds the answer.
    """

    name: str
    subject: str
    read: Read


def _always(_: Findings) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Probe:
    """One request.

    Args:
        members: of the request, beside the model and a limit.
        questions: what its answer tells.
        is_limited: whether the usual limit is sent, by the name that works.
        model: another model than the one that is examined.
        is_wanted: whether it still makes sense after what was found.
    """

    members: JSONObject
    questions: tuple[Question, ...]
    is_limited: bool = True
    model: str = ""
    is_wanted: Callable[[Findings], bool] = _always


def _user(content: JSONValue) -> JSONObject:
    return {"role": "user", "content": content}


def _tool(name: str, properties: JSONObject) -> JSONObject:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": f"Calls {name}.", "parameters": parameters}
    return {"type": "function", "function": function}


_STREAM: JSONObject = {"stream": True}
_HELLO = [_user("Say hello")]
_TEXT = {"type": "string"}
_TOOLS = [
    _tool("get_weather", {"city": _TEXT}),
    _tool("get_time", {}),
    _tool("add_note", {"text": _TEXT, "tags": {"type": "array", "items": _TEXT}}),
]
_STRICT_TOOL: JSONObject = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Calls get_weather.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": _TEXT},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
_VERDICT: JSONObject = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["good", "bad"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAS0lEQVR42u3PQQkAAAgAsetfWiP4Fg"
    "YrsKZeS0BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEDgsqnc8OJg6Ln3AAAAAElFTkSuQmCC"
)
"""64 red points by 64."""
_ID = "abcdef123"
"""Of a call, in the form that even the strictest servers take."""
_LONG_ID = "call_0123456789abcdefghijklmn"


def _round(content: JSONObject, call_id: str = _ID) -> JSONObject:
    """A turn with a tool call and its result; `content` is what the assistant's message has beside the call."""
    call = {"id": call_id, "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    assistant = {"role": "assistant", **content, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": call_id, "content": "Sunny, 21 degrees"}
    return {**_STREAM, "messages": [_user("Weather in Paris"), assistant, result], "tools": _TOOLS}


def _remembered(field: str) -> JSONObject:
    """A turn whose reasoning is given back in a member of this name."""
    assistant = {"role": "assistant", "content": "Hello there!", field: "The user wants a greeting."}
    return {**_STREAM, "messages": [*_HELLO, assistant, *_HELLO]}


def _asked(name: str, subject: str, read: Read = readings.accepted) -> tuple[Question, ...]:
    return (Question(name, subject, read),)


def _takes_tools(findings: Findings) -> bool:
    return findings.verdict("tools") != "refused"


def _was_refused(name: str) -> Callable[[Findings], bool]:
    return lambda findings: findings.verdict(name) == "refused"


OPENING = Probe({"messages": _HELLO}, _asked("answers", "answers"))
"""The first one: without an answer to it there is nothing to find out."""

PROBES = (
    Probe(
        {**_STREAM, "stream_options": {"include_usage": True}, "messages": _HELLO},
        (
            Question("stream", "streams", readings.streams),
            Question("usage", "usage in a stream", readings.usage),
        ),
    ),
    Probe(
        {**_STREAM, "messages": _HELLO},
        _asked("plain_stream", "streams without stream_options", readings.streams),
        is_wanted=_was_refused("stream"),
    ),
    Probe({**_STREAM, "messages": [_user("Think about 2+2")]}, _asked("reasoning", "reasoning", readings.reasoning)),
    Probe(
        {**_STREAM, "messages": _HELLO, "reasoning_effort": "low"},
        _asked("reasoning_effort", "reasoning_effort", readings.taken),
    ),
    Probe(
        _remembered("reasoning_content"),
        _asked("reasoning_content_back", "reasoning_content in the history", readings.taken),
    ),
    Probe(
        _remembered("reasoning"),
        _asked("reasoning_back", "reasoning in the history", readings.taken),
        is_wanted=lambda findings: findings.value("reasoning") == "reasoning",
    ),
    Probe(
        {**_STREAM, "messages": [_user("Count")], "max_tokens": _LOW_LIMIT},
        _asked("max_tokens", "max_tokens", readings.limits(_LOW_LIMIT)),
        is_limited=False,
    ),
    Probe(
        {**_STREAM, "messages": [_user("Count")], "max_completion_tokens": _LOW_LIMIT},
        _asked("max_completion_tokens", "max_completion_tokens", readings.limits(_LOW_LIMIT)),
        is_limited=False,
    ),
    Probe(
        {**_STREAM, "messages": [{"role": "system", "content": "Be brief."}, *_HELLO]},
        _asked("system", "system message"),
    ),
    Probe(
        {
            **_STREAM,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "system", "content": "Be polite."},
                *_HELLO,
            ],
        },
        _asked("two_systems", "a second system message"),
    ),
    Probe(
        {
            **_STREAM,
            "messages": [
                *_HELLO,
                {"role": "assistant", "content": "Hello!"},
                {"role": "system", "content": "Be brief."},
                *_HELLO,
            ],
        },
        _asked("system_later", "a system message later on"),
    ),
    Probe(
        {**_STREAM, "messages": [{"role": "developer", "content": "Be brief."}, *_HELLO]},
        _asked("developer", "developer message"),
    ),
    Probe(
        {**_STREAM, "messages": [_user("Weather in Paris")], "tools": _TOOLS},
        _asked("tools", "tool call", readings.calls()),
    ),
    Probe(
        {
            **_STREAM,
            "messages": [_user("Weather and time in Oslo")],
            "tools": _TOOLS,
            "parallel_tool_calls": True,
        },
        _asked("parallel", "parallel tool calls", readings.parallel),
        is_wanted=_takes_tools,
    ),
    Probe(
        {**_STREAM, "messages": _HELLO, "tools": _TOOLS, "tool_choice": "required"},
        _asked("choice_required", 'tool_choice "required"', readings.calls()),
    ),
    Probe(
        {
            **_STREAM,
            "messages": _HELLO,
            "tools": _TOOLS,
            "tool_choice": {"type": "function", "function": {"name": "get_time"}},
        },
        _asked("choice_named", "tool_choice with a name", readings.calls(1, "get_time")),
    ),
    Probe(
        {**_STREAM, "messages": [_user("Weather in Paris")], "tools": _TOOLS, "tool_choice": "none"},
        _asked("choice_none", 'tool_choice "none"', readings.no_calls),
    ),
    Probe(
        {**_STREAM, "messages": [_user("Weather in Paris")], "tools": [_STRICT_TOOL]},
        _asked("strict_tools", "strict tools", readings.taken),
        is_wanted=_takes_tools,
    ),
    Probe(_round({"content": None}), _asked("null_content", "tool call without content, null")),
    Probe(
        _round({"content": ""}),
        _asked("empty_content", "tool call without content, empty"),
        is_wanted=_was_refused("null_content"),
    ),
    Probe(
        _round({}),
        _asked("absent_content", "tool call without content, absent"),
        is_wanted=_was_refused("empty_content"),
    ),
    Probe(
        _round({"content": None}, _LONG_ID),
        _asked("long_ids", "ids of calls, 29 characters"),
        is_wanted=lambda findings: findings.verdict("null_content") == "yes",
    ),
    Probe(
        {
            **_STREAM,
            "messages": _HELLO,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": _VERDICT},
            },
        },
        _asked("json_schema", "JSON schema", readings.json_schema),
    ),
    Probe(
        {
            **_STREAM,
            "messages": [{"role": "system", "content": "Answer in JSON."}, *_HELLO],
            "response_format": {"type": "json_object"},
        },
        _asked("json_object", "JSON without a schema", readings.json_object),
        is_wanted=lambda findings: findings.verdict("system") != "refused",
    ),
    Probe(
        {
            **_STREAM,
            "messages": [
                _user(
                    [
                        {"type": "text", "text": "Which colour is this? One word."},
                        {"type": "image_url", "image_url": {"url": _PICTURE}},
                    ]
                )
            ],
        },
        _asked("images", "images", readings.image),
    ),
    Probe(
        {**_STREAM, "messages": _HELLO, "frobnicate": 1},
        _asked("unknown_member", "unknown member", readings.unknown("it is not strict about members")),
    ),
    Probe(
        {**_STREAM, "messages": _HELLO, "verbosity": "low"},
        _asked("verbosity", "verbosity", readings.taken),
        is_wanted=_was_refused("unknown_member"),
    ),
    Probe(
        {"messages": _HELLO},
        _asked("unknown_model", "unknown model", readings.unknown("whatever the model is called")),
        model="no-such-model",
    ),
)
"""Everything that is asked in the form of Chat Completions, in this order."""


def overflow(window: int | None) -> tuple[Probe, ...]:
    """More than fits into the window, where that is known and cheap."""
    if window is None or window > _CHEAP_WINDOW:
        return ()
    messages = [_user("hello " * window * 2)]
    return (Probe({**_STREAM, "messages": messages}, _asked("overflow", "too long a prompt", readings.overflow)),)
