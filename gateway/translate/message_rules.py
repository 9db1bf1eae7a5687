"""Rules that single upstreams have for the list of messages: alternating roles, ids of calls, no tools.

The list is right for the common dialect before; with the quirks of the common dialect it stays as it is.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import count
from re import compile as pattern

from gateway.codec.json import JSONObject, JSONValue
from gateway.settings import Quirks

AFTER_TOOLS = "I have read the results of the tools."
"""What the assistant says between the result of a tool and a user's message, where that must not follow directly."""

_SHORT_ID = pattern(r"[A-Za-z0-9]{9}")
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def by_rules(messages: list[JSONObject], quirks: Quirks, *, has_tools: bool) -> list[JSONObject]:
    """The messages as this upstream takes them; `has_tools` is False for one that knows no tools at all."""
    if not has_tools:
        messages = [_told(message) for message in messages]
    if quirks.tool_call_id == "alnum9":
        messages = _with_short_ids(messages)
    if quirks.user_after_tool == "assistant":
        messages = list(_with_bridges(messages))
    return _merged(messages) if quirks.merge_same_role else messages


def _told(message: JSONObject) -> JSONObject:
    """Calls and results of another upstream's turns, as words."""
    if message["role"] == "tool":
        return {"role": "user", "content": _joined("[result of a tool call]", message["content"])}
    if "tool_calls" not in message:
        return message
    functions = [call["function"] for call in message["tool_calls"]]
    calls = "\n".join(f"[called the tool {function['name']} with {function['arguments']}]" for function in functions)
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    return rest | {"content": _joined(message.get("content") or "", calls)}


def _with_short_ids(messages: list[JSONObject]) -> list[JSONObject]:
    calls = [call for message in messages for call in message.get("tool_calls", [])]
    new = _short_ids([call["id"] for call in calls])
    return [_renamed(message, new) for message in messages]


def _renamed(message: JSONObject, new: dict[str, str]) -> JSONObject:
    if message["role"] == "tool":
        return message | {"tool_call_id": new[message["tool_call_id"]]}
    if "tool_calls" not in message:
        return message
    return message | {"tool_calls": [call | {"id": new[call["id"]]} for call in message["tool_calls"]]}


def _short_ids(ids: list[str]) -> dict[str, str]:
    """One id for each, and the same in the next request: what the upstream has cached must not change."""
    new = {call_id: call_id for call_id in ids if _SHORT_ID.fullmatch(call_id)}
    taken = set(new)
    for call_id in ids:
        if call_id not in new:
            new[call_id] = next(one for one in _candidates(call_id) if one not in taken)
            taken.add(new[call_id])
    return new


def _candidates(call_id: str) -> Iterator[str]:
    for attempt in count():
        number = int.from_bytes(sha256(f"{attempt}:{call_id}".encode("utf-8", "replace")).digest()[:8])
        yield "".join(_LETTERS[number // 62**place % 62] for place in range(9))


def _with_bridges(messages: Iterable[JSONObject]) -> Iterator[JSONObject]:
    before = ""
    for message in messages:
        if message["role"] == "user" and before == "tool":
            yield {"role": "assistant", "content": AFTER_TOOLS}
        yield message
        before = message["role"]


def _merged(messages: list[JSONObject]) -> list[JSONObject]:
    merged: list[JSONObject] = []
    for message in messages:
        if merged and _may_join(merged[-1], message):
            merged[-1] = merged[-1] | {"content": _joined(merged[-1]["content"], message["content"])}
        else:
            merged.append(message)
    return merged


def _may_join(one: JSONObject, other: JSONObject) -> bool:
    """Messages with calls or reasoning stay what they are: only plain ones are joined."""
    return one["role"] == other["role"] and set(one) == set(other) == {"role", "content"}


def _joined(one: JSONValue, other: JSONValue) -> JSONValue:
    """The contents one after the other: as text where both are, as parts otherwise."""
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(text for text in (one, other) if text)
    return [*_parts(one), *_parts(other)]


def _parts(content: JSONValue) -> list[JSONValue]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
