"""The vocabulary of a demo answer: the small steps in which it is spoken, and rules about lists of steps.

One token is one step. Nothing here knows the wire, the request or a clock.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Say:
    """One token of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """One token of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """One token of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The start of a tool call; costs no token."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Argue:
    """One token of a tool call's arguments."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds without a byte."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fault:
    """An error object in the middle of the stream, which ends it."""

    message: str


@dataclass(frozen=True, slots=True)
class BreakOff:
    """The connection is closed here, without an end."""


Step = Say | Think | Refuse | OpenCall | Argue | Silence | Fault | BreakOff
Token = Say | Think | Refuse | Argue


@dataclass(frozen=True, slots=True)
class Script:
    """Everything the upstream will do for one request.

    Args:
        steps: what is said, in order.
        finish: the finish reason after the last step.
        wait_seconds: silence before the first byte.
        failure_status: answer with this HTTP status and nothing else.
    """

    steps: tuple[Step, ...]
    finish: Finish
    wait_seconds: float = 0.0
    failure_status: int | None = None


_TOKEN = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")


def pieces(text: str) -> list[str]:
    """The text cut into token-sized pieces; joined they are the text again."""
    return _TOKEN.findall(text)


def token_count(steps: Iterable[Step]) -> int:
    """How many tokens the steps cost."""
    return sum(isinstance(step, Token) for step in steps)


def with_limit(script: Script, max_tokens: int | None) -> Script:
    """The script, ended with `length` when it is longer than `max_tokens`."""
    if max_tokens is None or token_count(script.steps) <= max_tokens:
        return script
    kept: list[Step] = []
    left = max_tokens
    for step in script.steps:
        kept.append(step)
        left -= isinstance(step, Token)
        if left == 0:
            break
    return replace(script, steps=tuple(kept), finish="length")


def with_stops(script: Script, stops: Sequence[str]) -> Script:
    """The script, ended before the first stop sequence in its text."""
    text = "".join(step.text for step in script.steps if isinstance(step, Say))
    found = [position for stop in stops if (position := text.find(stop)) >= 0]
    if not found:
        return script
    return replace(script, steps=tuple(_first_characters(script.steps, min(found))), finish="stop")


def _first_characters(steps: Sequence[Step], length: int) -> list[Step]:
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, Say):
            if length <= 0:
                break
            kept.append(Say(step.text[:length]))
            length -= len(step.text)
        else:
            kept.append(step)
    return kept


def middle(steps: Sequence[Step]) -> int:
    """The place halfway through the answer itself, after any reasoning."""
    thoughts = sum(isinstance(step, Think) for step in steps)
    return thoughts + (len(steps) - thoughts + 1) // 2
