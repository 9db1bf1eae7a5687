"""Reads the chunks of a stream that differ from one before in their text alone, as nearly all do.

Such a chunk need not be parsed: its bytes are those of the other, around another JSON string.
"""

import re

from gateway.codec.json import JSONObject, JSONValue, loads
from gateway.translate.text_run import TextRun

_CONTENT = re.compile(rb'"content"\s*:\s*"((?!")[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_BESIDE_CHOICES = frozenset({"usage", "error", "base_resp", "x_groq"})
_BESIDE_DELTA = frozenset({"index", "finish_reason", "logprobs", "usage"})
_DATA, _BLANK = b"data: ", b"\n\n"
"""What stands around the data of an event of one line."""
_MOST_VAIN = 8
"""Chunks that were learned for nothing until no more are: some upstreams never send two alike."""


class PlainChunks:
    """Knows the last plain chunk: `text` reads others of its form, `learn` is told of one that `text` did not know."""

    __slots__ = ("_end", "_start", "_vain")

    def __init__(self) -> None:
        self._vain = 0
        self._start = self._end = b""
        """What stands around the text in a whole event, each with a quotation mark."""

    def run(self, room: int) -> TextRun | None:
        """The short way for chunks of the known form, if there is one, in so many bytes."""
        return TextRun(self._start, self._end, room) if self._start else None

    def was_useful(self) -> None:
        """Chunks of the known form have come."""
        self._vain = 0

    def text(self, data: bytes) -> str | None:
        """The `content` of this chunk, if it is like the known one in all else; None says nothing about it.

        Only if all of it is one string does the chunk go on behind it as the known one did.
        """
        head, tail = self._start[len(_DATA) :], self._end[: -len(_BLANK)]
        if not head or not data.startswith(head) or not data.endswith(tail):
            return None
        try:
            text: str = loads(data[len(head) - 1 : 1 - len(tail)])
        except ValueError:
            return None
        self._vain = 0
        return text or None

    def learn(self, data: bytes, chunk: JSONObject) -> None:
        """Takes a chunk for a model, if its text is all that it says: another text has no other effect then."""
        if self._vain >= _MOST_VAIN:
            return
        if (found := _CONTENT.search(data)) is None or (content := _only_content(chunk)) is None:
            return
        self._vain += 1
        head, tail = data[: found.start(1)], data[found.end(1) :]
        other = "a" if content != "a" else "b"
        if _parsed(b"%b%b%b" % (head, other.encode(), tail)) == _with_content(chunk, other):  # the place is the text's
            self._start, self._end = _DATA + head, tail + _BLANK


def _parsed(data: bytes) -> JSONValue:
    try:
        return loads(data)
    except ValueError:
        return None


def _has_any(value: JSONObject, names: frozenset[str]) -> bool:
    """Whether one of these members has a value that is not empty."""
    for name in names.intersection(value):  # noqa: SIM110 - a generator costs more than it looks at
        if value[name]:
            return True
    return False


def _only_content(chunk: JSONValue) -> str | None:
    """The text of a chunk that has nothing else to be read."""
    if not isinstance(chunk, dict) or _has_any(chunk, _BESIDE_CHOICES):
        return None
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return None
    choice = choices[0]
    if _has_any(choice, _BESIDE_DELTA) or "message" in choice:
        return None
    delta = choice.get("delta")
    if not isinstance(delta, dict) or any(value for name, value in delta.items() if name not in ("role", "content")):
        return None
    content = delta.get("content")
    return content if isinstance(content, str) and content else None


def _with_content(chunk: JSONObject, content: str) -> JSONObject:
    """A chunk that has nothing else to be read, with another text."""
    choice = chunk["choices"][0]
    return {**chunk, "choices": [{**choice, "delta": {**choice["delta"], "content": content}}]}
