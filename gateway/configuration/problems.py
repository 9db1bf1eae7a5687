"""How a problem of a configuration is told: with the path of its key, and without the value, which may be a secret."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Literal, get_args, get_origin

import msgspec

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ConfigurationError(Exception):
    """The gateway cannot start as it is configured.

    Args:
        problems: all that is wrong, one sentence each; no secret is in any of them.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def joined(path: str, key: str) -> str:
    """The path of a key in the table at a path."""
    word = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
    return f"{path}.{word}" if path else word


def unknown(key: str, known: Iterable[str], path: str) -> str:
    """What is told of a key that the table at a path does not have."""
    return f"{joined(path, key)}: unknown key{nearest(key, known)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A suggestion to append to a message, where something known looks like the word."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ""


def refusal(kind: object, error: msgspec.ValidationError, path: str) -> str:
    """The library's message with our path, and without the value, which it repeats for enumerations only."""
    message, _, inside = str(error).partition(" - at `$")
    place = path + inside.removesuffix("`").replace("[...]", "")
    choices = _choices(kind)
    if message.startswith("Invalid enum value"):
        return f"{place}: must be one of " + ", ".join(json.dumps(choice) for choice in choices)
    return f"{place}: {message[0].lower()}{message[1:]}"


def _choices(kind: object) -> tuple[str, ...]:
    while get_origin(kind) is not Literal and get_args(kind):
        kind = get_args(kind)[0]
    return get_args(kind)
