"""What of a request could not be carried over: refused in strict mode, noted in lenient mode.

The notes go into a response header, so they name places and types of the API and never a client's text.
"""

import re

from gateway.errors import ErrorKind, GatewayError

_UNSAFE = re.compile(r"[^A-Za-z0-9_.:\[\]-]")
_NUMBER = re.compile(r"\d+")
_LONGEST = 64


def safe_word(text: str) -> str:
    """The text cut and reduced to what may stand in a header and in a `param`."""
    return _UNSAFE.sub("_", text)[:_LONGEST]


class Losses:
    """Collects the losses of one request.

    Args:
        strict: raise at the first loss.
        members: the top-level members in the order in which the client wrote them.
    """

    def __init__(self, members: tuple[str, ...], *, strict: bool) -> None:
        self._strict = strict
        self._members = members
        self._entries: dict[str, None] = {}

    def note_field(self, name: str) -> None:
        """A whole member is ignored."""
        if self._strict:
            message = f"'{name}' is not supported by this gateway."
            raise GatewayError(ErrorKind.UNSUPPORTED_PARAMETER, message, name)
        self._entries[name] = None

    def note_unknown(self, name: str) -> None:
        """A top-level member that the API does not know; its name is the client's own text."""
        self.note_field(safe_word(name))

    def note(self, param: str, what: str | None = None) -> None:
        """The value at `param`, of type or name `what`, is ignored or only imitated."""
        word = f": '{safe_word(what)}'" if what is not None else ""
        if self._strict:
            message = f"The value of '{param}' is not supported by this gateway{word}."
            raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, param)
        self._entries[param if what is None else f"{param}:{safe_word(what)}"] = None

    def entries(self) -> tuple[str, ...]:
        """Every loss once, in the order of the request."""
        if not self._entries:
            return ()
        position = {name: place for place, name in enumerate(self._members)}
        for place, name in enumerate(self._members):
            position.setdefault(safe_word(name), place)
        return tuple(sorted(self._entries, key=lambda entry: _order(entry, position)))


def _order(entry: str, position: dict[str, int]) -> tuple[int, list[int]]:
    member = re.split(r"[.:\[]", entry, maxsplit=1)[0]
    numbers = [int(digits) for digits in _NUMBER.findall(entry.partition(":")[0][len(member) :])]
    return position.get(member, len(position)), numbers
