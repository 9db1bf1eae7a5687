"""Separates reasoning that an upstream leaves inside the text, between `<think>` and `</think>`."""

import re

from gateway.settings import ThinkTags
from gateway.translate.signals import Reasoning, Signal, Text

_OPEN = re.compile(r"<think(?:ing)?>")
_CLOSE = re.compile(r"</think(?:ing)?>")
_OPENING, _CLOSING = ("<think>", "<thinking>"), ("</think>", "</thinking>")


class ThinkTagSplitter:
    """Splits text into reasoning and text, holding back only what may be the start of a tag.

    Args:
        mode: `auto` looks for a tag at the very start only, `on` anywhere, `implicit_open` begins inside.
    """

    __slots__ = ("_held", "_inside", "_looking", "_seen_text")

    def __init__(self, mode: ThinkTags) -> None:
        self._inside = mode == "implicit_open"
        self._looking = mode
        self._seen_text = False
        self._held = ""

    def feed(self, text: str) -> list[Signal]:
        """The pieces that are certain now."""
        signals: list[Signal] = []
        rest = self._held + text
        while match := self._next_tag(rest):
            self._emit(rest[: match.start()], signals)
            self._inside = not self._inside
            rest = rest[match.end() :]
        keep = self._possible_tag(rest)
        self._emit(rest[: len(rest) - keep], signals)
        self._held = rest[len(rest) - keep :]
        return signals

    def finish(self) -> list[Signal]:
        """What was held back in vain."""
        signals: list[Signal] = []
        self._emit(self._held, signals)
        self._held = ""
        return signals

    def _next_tag(self, text: str) -> re.Match[str] | None:
        match = (_CLOSE if self._inside else _OPEN).search(text)
        if match and not self._inside and self._looking == "auto" and not self._is_at_start(text[: match.start()]):
            return None
        return match

    def _is_at_start(self, before: str) -> bool:
        return not self._seen_text and not before.strip()

    def _possible_tag(self, text: str) -> int:
        """How many characters at the end may turn out to be the start of a tag."""
        start = text.rfind("<")
        if start < 0 or (not self._inside and self._looking == "auto" and not self._is_at_start(text[:start])):
            return 0
        tail = text[start:]
        tags = _CLOSING if self._inside else _OPENING
        return len(tail) if any(tag.startswith(tail) for tag in tags) else 0

    def _emit(self, text: str, signals: list[Signal]) -> None:
        if text:
            self._seen_text = self._seen_text or not text.isspace()
            signals.append(Reasoning(text) if self._inside else Text(text))
