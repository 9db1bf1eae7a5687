"""Reads the chunks of a stream that differ from one before in their text alone, as nearly all do.

Such a chunk need not be parsed: its bytes are those of the other, around another JSON string.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from gateway.codec.json import JSONObject, JSONValue, loads
from gateway.codec.sse import ServerSentEvent
from gateway.translate.text_run import BETWEEN_TEXTS, TextRun, parsed_texts

_CONTENT = re.compile(rb'"content"\s*:\s*"((?!")[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_BESIDE_CHOICES = frozenset({"usage", "error", "base_resp", "x_groq"})
_BESIDE_DELTA = frozenset({"index", "finish_reason", "logprobs", "usage"})
_DATA, _BLANK = b"data: ", b"\n\n"
"""What stands around the data of an event of one line."""
_MOST_AT_ONCE = 64
"""Chunks that are looked at before the first of them is read: one that only begins and ends like them costs no more."""
_MOST_VAIN = 8
"""Chunks that were learned for nothing until no more are: some upstreams never send two alike."""


class PlainChunks:
    """Knows the last plain chunk: `texts` reads others of its form, `learn` is told of one that it did not know."""

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

    @property
    def head(self) -> bytes:
        """How a chunk of the known form begins; empty as long as there is none."""
        return self._start[len(_DATA) :]

    def texts(self, events: Sequence[ServerSentEvent], first: int) -> list[str]:
        """The `content` of the chunks from this one on, as far as they are like the known one in all else.

        Only if all between its head and its tail is one string does a chunk go on behind it as the known one did.
        """
        head, tail = self.head, self._end[: -len(_BLANK)]
        begin, stop, empty = len(head) - 1, 1 - len(tail), len(head) + len(tail)
        strings = []
        for name, data in events[first : first + _MOST_AT_ONCE]:
            if name or len(data) <= empty or not data.startswith(head) or not data.endswith(tail):
                break
            strings.append(data[begin:stop])
        if not strings:
            return []
        texts = parsed_texts(BETWEEN_TEXTS.join(strings), len(strings))
        if texts is None:
            texts = list(takewhile(bool, map(_parsed_text, strings)))
        if texts:
            self._vain = 0
        return texts

    def learn(self, data: bytes, chunk: JSONObject) -> bool:
        """Takes a chunk for a model, if its text is all that it says: another text has no other effect then."""
        if self._vain >= _MOST_VAIN:
            return False
        if (found := _CONTENT.search(data)) is None or (content := _only_content(chunk)) is None:
            return False
        self._vain += 1
        head, tail = data[: found.start(1)], data[found.end(1) :]
        other = "a" if content != "a" else "b"
        if _parsed(b"%b%b%b" % (head, other.encode(), tail)) != _with_content(chunk, other):
            return False  # the place is not that of the text
        self._start, self._end = _DATA + head, tail + _BLANK
        return True


def _parsed_text(string: bytes) -> str:
    text = _parsed(string)
    return text if isinstance(text, str) else ""


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
