"""Which tool result answers which call, for any history: interrupted, compacted, repeated or out of order.

Afterwards every call has an id of its own and at most one result, as an upstream demands.
"""

from collections import deque

from msgspec import Struct, field

from gateway.translate.history import Call, Piece, Result

_LONGEST_ID = 64
_PAIRED = frozenset({Call, Result})


class Asked(Struct):
    """A call as it goes upstream, and its result once it is known."""

    call: Call
    call_id: str
    result: Result | None = None


class Pairs(Struct):
    """Calls and results by the index of their piece, and the results that a later one has replaced.

    A call without an entry repeats one that is there already; a result without one answers nothing.
    """

    calls: dict[int, Asked] = field(default_factory=dict)
    answers: dict[int, Asked] = field(default_factory=dict)
    replaced: list[tuple[Asked, Result]] = field(default_factory=list)

    def asked(self, index: int) -> list[Asked]:
        """The call of this piece, or none if it only repeats one."""
        return [self.calls[index]] if index in self.calls else []

    def lost(self) -> list[Result]:
        """The results that nothing is left of: a replay of the one that counts is none."""
        return [old for asked, old in self.replaced if asked.result is None or asked.result.parts != old.parts]


_NO_PAIRS = Pairs()


def pair(pieces: list[Piece]) -> Pairs:
    """A result belongs to the first call of its id that waits; the last result of an answered call counts."""
    if _PAIRED.isdisjoint(map(type, pieces)):
        return _NO_PAIRS
    pairing = _Pairing({piece.call_id for piece in pieces if type(piece) is Call})
    for index, piece in enumerate(pieces):
        if type(piece) is Call:
            pairing.ask(index, piece)
        elif type(piece) is Result:
            pairing.answer(index, piece)
    pairing.adopt()
    return pairing.pairs


class _Pairing:
    def __init__(self, ids: set[str]) -> None:
        self.pairs = Pairs()
        self._ids = ids
        self._copies: dict[str, int] = {}
        self._waiting: dict[str, deque[Asked]] = {}
        self._latest: dict[str, Asked] = {}
        self._in_order: deque[Asked] = deque()
        self._orphans: list[tuple[int, Result]] = []

    def ask(self, index: int, call: Call) -> None:
        latest = self._latest.get(call.call_id)
        if latest is not None and latest.result is None and latest.call == call:
            return
        asked = Asked(call, call.call_id if latest is None else self._new_id(call.call_id))
        self._latest[call.call_id] = asked
        self._waiting.setdefault(call.call_id, deque()).append(asked)
        self._in_order.append(asked)
        self.pairs.calls[index] = asked

    def answer(self, index: int, result: Result) -> None:
        asked = self._first_waiting() if result.call_id is None else self._of_id(result.call_id)
        if asked is None:
            self._orphans.append((index, result))
            return
        if asked.result is not None:
            self.pairs.replaced.append((asked, asked.result))
        asked.result = result
        self.pairs.answers[index] = asked

    def adopt(self) -> None:
        """Results that came before their call."""
        for index, result in self._orphans:
            asked = self._latest.get(result.call_id or "")
            if asked is not None and asked.result is None:
                asked.result = result
                self.pairs.answers[index] = asked

    def _of_id(self, call_id: str) -> Asked | None:
        waiting = self._waiting.get(call_id)
        while waiting:
            asked = waiting.popleft()
            if asked.result is None:
                return asked
        return self._latest.get(call_id)

    def _first_waiting(self) -> Asked | None:
        while self._in_order:
            asked = self._in_order.popleft()
            if asked.result is None:
                return asked
        return None

    def _new_id(self, call_id: str) -> str:
        """Servers that number the calls of each turn from 0 repeat their ids; upstreams want them once."""
        while True:
            number = self._copies[call_id] = self._copies.get(call_id, 1) + 1
            suffix = f"_{number}"
            new = call_id[: _LONGEST_ID - len(suffix)] + suffix
            if new not in self._ids:
                self._ids.add(new)
                return new
