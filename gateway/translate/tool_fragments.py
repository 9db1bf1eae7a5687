"""Puts the fragments of tool calls together, in whatever way an upstream cuts, numbers and repeats them.

What leaves is strictly one call after the other. A call that starts while an earlier one is unfinished waits
until that one's arguments are a whole object, or until the answer ends.
"""

from dataclasses import dataclass, field

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.codec.lenient_json import well_formed
from gateway.codec.partial_json import ObjectEnd
from gateway.translate.signals import CallArguments, CallStart, Signal


@dataclass(slots=True, eq=False)
class _Call:
    """One call as known so far; `pieces` are arguments that have not been passed on."""

    call_id: str = ""
    name: str = ""
    announced: bool = False
    has_arguments: bool = False
    pieces: list[str] = field(default_factory=list)
    extent: ObjectEnd = field(default_factory=ObjectEnd)
    unscanned: list[str] = field(default_factory=list)

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.unscanned.append(piece)
        self.has_arguments = self.has_arguments or not piece.isspace()

    def is_whole(self) -> bool:
        """Whether the arguments are a complete object; looked at only when another call waits."""
        for piece in self.unscanned:
            self.extent.feed(piece)
        self.unscanned.clear()
        return self.extent.is_complete


class ToolFragments:
    """Collects the calls of one answer.

    A fragment is an entry of `tool_calls`: `{index?, id?, function: {name?, arguments?}}`, any member of which
    may be null, absent or repeated.
    """

    __slots__ = ("_by_id", "_by_index", "_calls", "_current", "_last")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._last: _Call | None = None
        self._current = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, fragment: JSONValue) -> list[Signal]:
        """The signals that one fragment completes."""
        if not isinstance(fragment, dict):
            return []
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        call_id, name = _text(fragment.get("id")), _text(function.get("name"))
        arguments = _arguments(function.get("arguments"))
        call = self._call_of(fragment, call_id, name, has_arguments=bool(arguments))
        if call is None:
            return []
        self._identify(call, call_id, name)
        if arguments:
            call.add(arguments)
        return self._advance()

    def finish(self, *, is_whole: bool) -> list[Signal]:
        """The signals still owed at the end of the answer.

        Args:
            is_whole: whether the model said that it was done. Otherwise calls that still wait are dropped:
                nobody can tell whether they are whole.
        """
        signals: list[Signal] = []
        waiting = self._calls[self._current :]
        for call in waiting if is_whole else waiting[:1]:
            signals += self._pass_on(call, is_last_chance=True)
        self._current = len(self._calls)
        return signals

    def _call_of(self, fragment: JSONObject, call_id: str, name: str, *, has_arguments: bool) -> _Call | None:
        index = fragment.get("index")
        if isinstance(index, int):
            call = self._call_at(index, call_id, name)
        else:
            call = self._call_without_index(call_id, name)
        if call is None and (call_id or name or has_arguments):
            call = _Call()
            self._calls.append(call)
            if isinstance(index, int):
                self._by_index[index] = call
        self._last = call or self._last
        return call

    def _call_at(self, index: int, call_id: str, name: str) -> _Call | None:
        """The call an index means: Ollama and some proxies give every parallel call the index 0."""
        known = self._by_id.get(call_id) if call_id else None
        call = self._by_index.get(index)
        if call is None:
            return known if not name else None
        if call_id and call.call_id and call_id != call.call_id and name:
            return known
        return call

    def _call_without_index(self, call_id: str, name: str) -> _Call | None:
        last = self._last
        if call_id:
            return self._by_id.get(call_id) or (last if last and not last.call_id and not name else None)
        if name and last and (last.is_whole() or (last.name and name != last.name and last.has_arguments)):
            return None
        return last

    def _identify(self, call: _Call, call_id: str, name: str) -> None:
        """The first id wins; a name may come in pieces until it is passed on."""
        if call_id and not call.call_id and not call.announced:
            call.call_id = call_id
            self._by_id.setdefault(call_id, call)
        if name and name != call.name and not call.announced:
            call.name += name

    def _advance(self) -> list[Signal]:
        signals: list[Signal] = []
        while self._current < len(self._calls):
            call = self._calls[self._current]
            signals += self._pass_on(call, is_last_chance=False)
            if self._current + 1 >= len(self._calls) or not call.is_whole():
                break
            self._current += 1
        return signals

    def _pass_on(self, call: _Call, *, is_last_chance: bool) -> list[Signal]:
        """Announces the call once its name must be whole, and hands over what has come of its arguments."""
        signals: list[Signal] = []
        if not call.announced:
            if not call.name or not (call.has_arguments or is_last_chance):
                return signals
            call.announced = True
            signals.append(CallStart(call.call_id, call.name))
        if call.has_arguments and call.pieces:
            signals.append(CallArguments("".join(call.pieces)))
            call.pieces.clear()
        return signals


def _text(value: JSONValue) -> str:
    return well_formed(value) if isinstance(value, str) else ""


def _arguments(value: JSONValue) -> str:
    """Arguments as text: some upstreams send the object itself."""
    if isinstance(value, str):
        return well_formed(value)
    return dumps(value).decode() if isinstance(value, dict) else ""
