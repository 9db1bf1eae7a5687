"""The rules for the `messages` of a Chat Completions request, and what the demo upstream reads from them.

As strict as the strictest real servers, so that a wrong history shows here first. It does not decide what
to answer.
"""

from collections.abc import Iterator

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError

_SYSTEM_ROLES = ("system", "developer")
_ROLES = (*_SYSTEM_ROLES, "user", "assistant", "tool")
_PART_TYPES = {"user": ("text", "image_url", "input_audio", "file"), "assistant": ("text", "refusal")}


def check_messages(messages: JSONValue) -> list[JSONObject]:
    """The messages, when each is well formed and their order is right.

    Raises:
        GatewayError: names the first message that is wrong.
    """
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages", "must be a list with at least one message", ErrorKind.INVALID_TYPE)
    for position, message in enumerate(messages):
        _check_message(message, f"messages[{position}]")
    _check_system_first(messages)
    _check_tool_order(messages)
    return messages


def text_of(message: JSONObject) -> str:
    """All text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part["type"] == "text")


def images_of(message: JSONObject) -> list[JSONObject]:
    """The `image_url` objects of a message."""
    content = message.get("content")
    if not isinstance(content, list):
        return []
    return [part["image_url"] for part in content if part["type"] == "image_url"]


def latest_messages(messages: list[JSONObject]) -> list[JSONObject]:
    """The messages since the assistant spoke last."""
    last = max((place for place, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return messages[last + 1 :]


def last_user_text(messages: list[JSONObject]) -> str:
    """The text of the last user message that has any."""
    texts = (text_of(message) for message in reversed(messages) if message["role"] == "user")
    return next((text for text in texts if text.strip()), "")


def tool_results(messages: list[JSONObject]) -> list[tuple[str, str]]:
    """Name and result of each tool call that the model is now to go on from; empty when the user spoke since.

    A user message with an image is no new turn: that is how an image from a tool reaches the model.
    """
    latest = latest_messages(messages)
    if any(message["role"] == "user" and not images_of(message) for message in latest):
        return []
    names = {call["id"]: call["function"]["name"] for call in _calls(messages)}
    return [(names[message["tool_call_id"]], text_of(message)) for message in latest if message["role"] == "tool"]


def has_thoughts(messages: list[JSONObject]) -> bool:
    """Whether the reasoning of an earlier turn came back with the history."""
    return any(message.get("reasoning_content") or message.get("reasoning") for message in messages)


def _calls(messages: list[JSONObject]) -> Iterator[JSONObject]:
    for message in messages:
        yield from message.get("tool_calls") or ()


def _check_message(message: JSONValue, place: str) -> None:
    if not isinstance(message, dict):
        raise _invalid(place, "must be an object", ErrorKind.INVALID_TYPE)
    role = message.get("role")
    if role not in _ROLES:
        raise _invalid(f"{place}.role", f"must be one of {', '.join(_ROLES)}")
    _check_content(message, f"{place}.content")
    if role == "assistant":
        _check_calls(message.get("tool_calls"), f"{place}.tool_calls")
    elif "tool_calls" in message:
        raise _invalid(f"{place}.tool_calls", "may stand in an assistant message only")
    if role == "tool" and not _is_text(message.get("tool_call_id")):
        raise _invalid(f"{place}.tool_call_id", "must be the id of the call that is answered")


def _check_content(message: JSONObject, place: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None and message["role"] == "assistant" and (message.get("tool_calls") or message.get("refusal")):
        return
    if not isinstance(content, list) or not content:
        raise _invalid(place, "must be a string or a list of parts", ErrorKind.INVALID_TYPE)
    allowed = _PART_TYPES.get(message["role"], ("text",))
    for position, part in enumerate(content):
        _check_part(part, allowed, f"{place}[{position}]")


def _check_part(part: JSONValue, allowed: tuple[str, ...], place: str) -> None:
    if not isinstance(part, dict) or part.get("type") not in allowed:
        raise _invalid(f"{place}.type", f"must be one of {', '.join(allowed)}")
    kind = part["type"]
    if kind in ("text", "refusal"):
        if not isinstance(part.get(kind), str):
            raise _invalid(f"{place}.{kind}", "must be a string", ErrorKind.INVALID_TYPE)
    elif kind == "image_url":
        _check_image(part.get("image_url"), f"{place}.image_url")
    elif not isinstance(part.get(kind), dict):
        raise _invalid(f"{place}.{kind}", "must be an object", ErrorKind.INVALID_TYPE)


def _check_image(image: JSONValue, place: str) -> None:
    if not isinstance(image, dict) or not _is_text(image.get("url")):
        raise _invalid(f"{place}.url", "must be a string", ErrorKind.INVALID_TYPE)
    if not image["url"].startswith(("https://", "http://", "data:image/")):
        raise _invalid(f"{place}.url", "must be an http(s) URL or a data URL of an image")
    if image.get("detail", "auto") not in ("auto", "low", "high", "original"):
        raise _invalid(f"{place}.detail", "must be auto, low, high or original")


def _check_calls(calls: JSONValue, place: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        raise _invalid(place, "must be a list with at least one call", ErrorKind.INVALID_TYPE)
    for position, call in enumerate(calls):
        _check_call(call, f"{place}[{position}]")
    if len({call["id"] for call in calls}) < len(calls):
        raise _invalid(place, "must not repeat an id")


def _check_call(call: JSONValue, place: str) -> None:
    if not isinstance(call, dict) or call.get("type") != "function" or not _is_text(call.get("id")):
        raise _invalid(place, "must be a function call with an id")
    function = call.get("function")
    if not isinstance(function, dict) or not _is_text(function.get("name")):
        raise _invalid(f"{place}.function.name", "must be a string", ErrorKind.INVALID_TYPE)
    if not _is_json_object(function.get("arguments")):
        raise _invalid(f"{place}.function.arguments", "must be a JSON object, as a string")


def _check_system_first(messages: list[JSONObject]) -> None:
    for position, message in enumerate(messages[1:], start=1):
        if message["role"] in _SYSTEM_ROLES:
            raise _invalid(f"messages[{position}].role", "a system message must be the first message, and the only one")


def _check_tool_order(messages: list[JSONObject]) -> None:
    waiting: set[str] = set()
    for position, message in enumerate(messages):
        place = f"messages[{position}]"
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise _invalid(f"{place}.tool_call_id", "answers no call of the assistant message before it")
            waiting.discard(message["tool_call_id"])
            continue
        _check_answered(waiting, place)
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
    _check_answered(waiting, "messages")


def _check_answered(waiting: set[str], place: str) -> None:
    if waiting:
        raise _invalid(place, f"no tool message answers {', '.join(sorted(waiting))}")


def _is_text(value: JSONValue) -> bool:
    return isinstance(value, str) and value != ""


def _is_json_object(value: JSONValue) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False


def _invalid(place: str, rule: str, kind: ErrorKind = ErrorKind.INVALID_VALUE) -> GatewayError:
    return GatewayError(kind, f"Invalid '{place}': {rule}.", param=place)
