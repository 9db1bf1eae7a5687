"""Plausible values for named places in a schema, taken from the user's words where that makes sense.

It chooses words only; what a schema allows is checked by `gateway.demo.schema_example`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.codec.json import JSONValue
from gateway.demo import wording

_MESSAGE_LIMIT = 200

_EXAMPLES = {
    "name": "Ada Lovelace",
    "author": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+15555550100",
    "date": "2026-01-31",
    "day": "2026-01-31",
    "time": "12:00",
    "timezone": "Europe/Paris",
    "currency": "EUR",
    "language": "en",
    "color": "teal",
    "unit": "celsius",
    "id": "demo-1",
    "explanation": "A step of the demo upstream.",
    "reason": "Because the demo upstream says so.",
    "description": "An example made by the demo upstream.",
    "summary": "A short answer, made by the demo upstream.",
    "answer": "Forty-two, says the demo upstream.",
    "code": "print('hello from the demo upstream')",
}


@dataclass(slots=True)
class Suggestions:
    """Values for one answer; each number of the message is handed out once.

    Args:
        message: the user's words.
        subjects: what they are about; the first is meant.
    """

    message: str
    subjects: list[str]
    _numbers: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = iter(wording.numbers(self.message))

    def number(self) -> float | None:
        """The message's next number."""
        return next(self._numbers, None)

    def option(self, options: list[JSONValue]) -> JSONValue:
        """The option that the message mentions, or the first."""
        mentioned = set(wording.words(self.message))
        named = (option for option in options if isinstance(option, str) and set(wording.words(option)) & mentioned)
        return next(named, options[0])

    def text(self, name: str) -> str:
        """A value for the property `name`."""
        parts = wording.words(name)
        for known, find in _RULES:
            if known.intersection(parts):
                return find(self)
        example = next((_EXAMPLES[part] for part in reversed(parts) if part in _EXAMPLES), None)
        return wording.quoted(self.message) or example or self._subject() or f"example {' '.join(parts)}".rstrip()

    def _subject(self) -> str | None:
        return self.subjects[0] if self.subjects else None

    def place(self) -> str:
        """A place on earth."""
        return self._subject() or wording.quoted(self.message) or "Paris"

    def command(self) -> str:
        """A harmless shell command, unless the user wrote one in backticks."""
        return wording.quoted(self.message) or "echo 'hello from the demo upstream'"

    def path(self) -> str:
        """A file's name."""
        return wording.path(self.message) or "README.md"

    def url(self) -> str:
        """A web address."""
        return wording.url(self.message) or "https://example.com/"

    def topic(self) -> str:
        """What to look for."""
        return wording.quoted(self.message) or self._subject() or self.sentence()

    def sentence(self) -> str:
        """Free text."""
        return wording.quoted(self.message) or wording.clipped(self.message, _MESSAGE_LIMIT) or "hello"


_RULES: tuple[tuple[frozenset[str], Callable[[Suggestions], str]], ...] = (
    (frozenset({"city", "location", "place", "town", "country", "destination", "region"}), Suggestions.place),
    (frozenset({"command", "commands", "cmd", "script"}), Suggestions.command),
    (frozenset({"path", "file", "filename", "filepath"}), Suggestions.path),
    (frozenset({"url", "uri", "link", "website"}), Suggestions.url),
    (frozenset({"query", "q", "search", "topic", "keyword", "keywords", "subject"}), Suggestions.topic),
    (frozenset({"text", "message", "prompt", "input", "content", "question", "body"}), Suggestions.sentence),
)
