"""The words in the last user message that steer the demo upstream, read into plain data.

Case does not matter; only whole words count, and several may stand in one message.

| Say | and the demo upstream |
|---|---|
| anything | answers in a few friendly sentences that quote you |
| a tool's name, or a word of its name or description | calls that tool; two tools, or `in Paris and Rome`: two calls |
| `slow 8` | waits 8 seconds before the first byte (`slow` alone: 5; at most 60) |
| `pause 3` | falls silent for 3 seconds in the middle (`pause` alone: 3; at most 60) |
| `long 2000` | says exactly 2000 tokens (at most 100000) |
| `fail 429` | answers with that HTTP status, 400 to 599, in OpenAI's error form |
| `error` | breaks off in the middle with an error object |
| `cut` | closes the connection in the middle, without an end |
| `refuse` | refuses |
| `empty` | finishes with nothing |
| `filter` | is stopped by the content filter (`finish_reason` `content_filter`) |
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Ending = Literal["error", "cut", "refuse", "empty", "filter"]

MAX_SECONDS = 60.0
MAX_TOKENS = 100_000
_SLOW_SECONDS = 5.0
_PAUSE_SECONDS = 3.0

_NUMBER = r"(\d{1,9}(?:\.\d{1,3})?)"
_SLOW = re.compile(rf"\bslow\b(?:\s+{_NUMBER})?", re.IGNORECASE)
_PAUSE = re.compile(rf"\bpause\b(?:\s+{_NUMBER})?", re.IGNORECASE)
_LONG = re.compile(r"\blong\s+(\d{1,9})\b", re.IGNORECASE)
_FAIL = re.compile(r"\bfail\s+([45]\d\d)\b", re.IGNORECASE)
_ENDING = re.compile(rf"\b({'|'.join(get_args(Ending))})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directions:
    """What the user asked the demo upstream to do, beside what is to be answered.

    Args:
        rest: the message without the words that were understood.
    """

    rest: str
    wait_seconds: float = 0.0
    pause_seconds: float = 0.0
    length: int | None = None
    failure_status: int | None = None
    ending: Ending | None = None


def read_directions(message: str) -> Directions:
    """Find the steering words of a message."""
    length = _LONG.search(message)
    failure = _FAIL.search(message)
    return Directions(
        rest=_without_directions(message),
        wait_seconds=_seconds(_SLOW, message, _SLOW_SECONDS),
        pause_seconds=_seconds(_PAUSE, message, _PAUSE_SECONDS),
        length=min(int(length[1]), MAX_TOKENS) if length else None,
        failure_status=int(failure[1]) if failure else None,
        ending=_ending(message),
    )


def _seconds(pattern: re.Pattern[str], message: str, usual: float) -> float:
    match = pattern.search(message)
    if match is None:
        return 0.0
    return min(float(match[1]), MAX_SECONDS) if match[1] else usual


def _ending(message: str) -> Ending | None:
    match = _ENDING.search(message)
    if match is None:
        return None
    return next(ending for ending in _endings() if ending == match[1].lower())


def _endings() -> tuple[Ending, ...]:
    return get_args(Ending)


def _without_directions(message: str) -> str:
    for pattern in (_SLOW, _PAUSE, _LONG, _FAIL, _ENDING):
        message = pattern.sub(" ", message)
    return " ".join(message.split())
