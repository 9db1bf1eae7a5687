"""JSON that arrives in pieces: where a value ends, and the text of a string before its end has come."""

import re

from gateway.codec.lenient_json import well_formed

_STRUCTURE = re.compile(r'["\\{}\[\]]')
_STRING_END = re.compile(r'["\\]')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_WHOLE_ESCAPE = re.compile(
    r"""\\(?:
      [^u]
    | u (?![dD][89abAB]) [0-9a-fA-F]{4}
    | u [dD][89abAB][0-9a-fA-F]{2} (?: \\u[0-9a-fA-F]{4} | (?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{0,3}[^0-9a-fA-F]) )
    | u (?=[0-9a-fA-F]{0,3}[^0-9a-fA-F])
    )""",
    re.DOTALL | re.VERBOSE,
)
"""An escape that no further character can change: the first half of a surrogate pair waits for the second."""

_INPUT_PREFIX = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_LONGEST_PREFIX = 64
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class ObjectEnd:
    """Tells whether the pieces so far make a whole object; looks at each character once."""

    __slots__ = ("_depth", "_in_string", "_skip", "is_complete")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._skip = False
        self.is_complete = False

    def feed(self, piece: str) -> None:
        start = 1 if self._skip and piece else 0
        self._skip = self._skip and not piece
        while match := _STRUCTURE.search(piece, start):
            start = match.end()
            if self._in_string:
                start = self._in_string_at(match.group(), start, len(piece))
            elif match.group() == '"':
                self._in_string = True
            elif match.group() in "{[":
                self._depth += 1
            elif match.group() in "}]":
                self._depth -= 1
                self.is_complete = self.is_complete or self._depth == 0

    def _in_string_at(self, character: str, start: int, length: int) -> int:
        if character == '"':
            self._in_string = False
        elif character == "\\":
            self._skip = start >= length
            start += 1
        return start


class InputField:
    """Unescapes the string in `{"input": "..."}` while it arrives.

    A model may answer with another form; then nothing comes out before `finish`, which settles it.
    """

    __slots__ = ("_pieces", "_rest", "_state")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._rest = ""
        self._state = "prefix"

    def feed(self, piece: str) -> str:
        """The text that this piece adds."""
        match self._state:
            case "prefix":
                return self._find_start(piece)
            case "string":
                return self._unescape(piece)
            case _:
                self._pieces.append(piece)
                return ""

    def finish(self, whole_input: str | None) -> str:
        """What is still missing at the end; `whole_input` is what the finished arguments stand for, if they parse."""
        if self._state in ("string", "end"):
            return ""
        return "".join(self._pieces) + self._rest if whole_input is None else whole_input

    def _find_start(self, piece: str) -> str:
        self._rest += piece
        if match := _INPUT_PREFIX.match(self._rest):
            piece, self._rest, self._state = self._rest[match.end() :], "", "string"
            return self._unescape(piece)
        if len(self._rest) > _LONGEST_PREFIX:
            self._pieces, self._rest, self._state = [self._rest], "", "other"
        return ""

    def _unescape(self, piece: str) -> str:
        text = self._rest + piece
        position = 0
        while match := _STRING_END.search(text, position):
            if match.group() == '"':
                self._rest, self._state = "", "end"
                return unescape(text[: match.start()])
            escape = _WHOLE_ESCAPE.match(text, match.start())
            if escape is None:
                self._rest = text[match.start() :]
                return unescape(text[: match.start()])
            position = escape.end()
        self._rest = ""
        return unescape(text)


def unescape(text: str) -> str:
    """The inside of a JSON string without its escapes; an invalid escape stands for its own character."""
    if "\\" not in text:
        return text
    decoded = _ESCAPE.sub(lambda match: _unescaped(match.group(1), match.group(2)), text)
    return well_formed(decoded)


def _unescaped(digits: str | None, character: str) -> str:
    return chr(int(digits, 16)) if digits else _CONTROL.get(character, character)
