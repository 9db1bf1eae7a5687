"""Leaves members out of a Chat request that its upstream refuses, and notes each loss under the client's own name."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from gateway.translate.losses import Losses

_PLACES: dict[str, str | None] = {
    "chat_template_kwargs": "reasoning.effort",
    "enable_thinking": "reasoning.effort",
    "logprobs": "top_logprobs",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning": "reasoning.effort",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "stream_options": None,
    "thinking": "reasoning.effort",
    "verbosity": "text.verbosity",
}
"""Where the client has asked for a member; None for one that it has not."""

_WITH_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})


def takes_tools(quirks: Quirks) -> bool:
    """Whether tools may be sent at all."""
    return not quirks.drop or not _matches("tools", quirks.drop)


def leave_out(body: JSONObject, patterns: Sequence[str], losses: Losses) -> JSONObject:
    """The body without the members that match; tools take all with them that is about tools."""
    if not patterns:
        return body
    gone = {name for name in body if _matches(name, patterns)}
    for name in body:
        if name in gone and (place := loss_of(name)) is not None:
            losses.note(place)
    if "tools" in gone:
        gone |= _WITH_TOOLS
    return {name: value for name, value in body.items() if name not in gone}


def loss_of(name: str) -> str | None:
    """The place in the client's request that a member of the Chat request is from; None if nothing is lost."""
    return _PLACES.get(name, name)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
