"""Reads the chunks of a stream that differ from one before in their text alone, as nearly all do.

Such a chunk need not be parsed: its bytes are those of the other, around another JSON string.
"""

import re

from gateway.codec.json import JSONObject, JSONValue, loads

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

    @property
    def is_known(self) -> bool:
        """Whether there is a form."""
        return bool(self._start)

    def text(self, data: bytes) -> str | None:
        """The `content` of this chunk, if it is like the known one in all else; None says nothing about it."""
        head, tail = self._start[len(_DATA) :], self._end[: -len(_BLANK)]
        if not head or not data.startswith(head) or not data.endswith(tail):
            return None
        return self._string(data[len(head) - 1 : 1 - len(tail)])

    def texts(self, body: bytes) -> list[str] | None:
        """The same for bytes of a stream that are whole chunks of the known form, each in an event of one line."""
        start, end = self._start, self._end
        if not start or not body.startswith(start) or not body.endswith(end):
            return None
        string = body[len(start) - 1 : 1 - len(end)]
        if b"\n" not in string:  # one chunk
            return None if (text := self._string(string)) is None else [text]
        texts: list[str] = []
        for inside in string[1:-1].split(end + start):
            if (text := self._string(b'"%b"' % inside)) is None:
                return None
            texts.append(text)
        return texts

    def _string(self, string: bytes) -> str | None:
        """The text of a JSON string that is not empty.

        Only if all of it is one string does the chunk go on behind it as the known one did.
        """
        try:
            text: str = loads(string)
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
        other = b"a" if content != "a" else b"b"
        if _only_content(_parsed(head + other + tail)) == other.decode():  # the place is that of the text
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
