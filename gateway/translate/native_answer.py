"""The items of one Responses answer: which event belongs to which, and whose turn it is.

Half-native servers give an item another id in each event, number all items 0, or leave events out. An event finds its
item by the id, then by the index, then by what is still waited for. The signals of one item never mix with those of
another: an item whose turn has not come yet waits.
"""

from gateway.codec.json import JSONObject, JSONValue
from gateway.translate.native_items import CallItem, NativeItem, TextItem, item_text, make_item
from gateway.translate.signals import Signal


class NativeAnswer:
    """All items of an answer, in the order in which they appeared."""

    def __init__(self) -> None:
        self._items: list[NativeItem] = []
        self._queue: list[NativeItem] = []
        """Items that have said something: the first one speaks, the others wait."""
        self._owed: dict[int, list[Signal]] = {}
        """What those that wait have said, by the identity of the item."""
        self._out: list[Signal] = []

    @property
    def has_items(self) -> bool:
        """Whether the upstream has begun anything."""
        return bool(self._items)

    @property
    def has_open_call(self) -> bool:
        """Whether there is a call of which nobody can tell that it is whole."""
        return any(isinstance(item, CallItem) and not item.may_end for item in self._items)

    def take(self) -> list[Signal]:
        """The signals since the last call."""
        self._advance()
        signals, self._out = self._out, []
        return signals

    def text(self, kind: str, event: JSONObject) -> TextItem | None:
        """The message or the reasoning that an event is about."""
        item = self._find(kind, event)
        return item if isinstance(item, TextItem) else None

    def call(self, kind: str, event: JSONObject) -> CallItem | None:
        """The call that an event is about."""
        item = self._find(kind, event)
        return item if isinstance(item, CallItem) else None

    def added(self, event: JSONObject) -> None:
        """A new item, unless it is known by its id."""
        item = event.get("item")
        if not isinstance(item, dict) or not isinstance(kind := item.get("type"), str):
            return
        item_id = _id(item.get("id"))
        known = self._by_id(kind, item_id) or self._new(kind, item_id, event.get("output_index"))
        known.is_announced = True
        known.announce(item)

    def done(self, event: JSONObject) -> None:
        """A finished item."""
        item = event.get("item")
        if not isinstance(item, dict) or not isinstance(kind := item.get("type"), str):
            return
        item_id, index = _id(item.get("id")), event.get("output_index")
        known = (
            self._by_id(kind, item_id)
            or self._by_call_id(kind, item)
            or self._open_at(kind, index)
            or next((other for other in self._items if other.kind == kind and not other.is_done), None)
            or self._new(kind, item_id, index)
        )
        known.complete(item)

    def reconcile(self, output: JSONValue) -> None:
        """What the final Response has, and no event had."""
        items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
        for kind in dict.fromkeys(item["type"] for item in items if isinstance(item.get("type"), str)):
            self._reconcile_kind(kind, [item for item in items if item.get("type") == kind])

    def end(self, *, is_whole: bool) -> None:
        """Nothing more comes. What follows a call that broke off is left out: it would make the call look whole."""
        for item in self._items if is_whole else self._queue[:1]:
            item.end(is_whole=is_whole)
        while len(self._queue) > 1 and (is_whole or self._queue[0].may_end):
            self._next_turn()

    def _reconcile_kind(self, kind: str, items: list[JSONObject]) -> None:
        known = [item for item in self._items if item.kind == kind]
        pairs = [(self._by_id(kind, _id(item.get("id"))) or self._by_call_id(kind, item), item) for item in items]
        taken = [item for item, _ in pairs if item is not None]
        rest = iter([item for item in known if item not in taken])
        has_all = bool(known) and "".join(map(item_text, items)) == "".join(
            item.said for item in known if isinstance(item, TextItem)
        )
        for found, item in pairs:
            mine = found or next(rest, None)
            if has_all and isinstance(mine, TextItem):
                mine.keep(item)
            elif not has_all or not isinstance(known[0], TextItem):
                (mine or self._new(kind, _id(item.get("id")), None)).complete(item)

    def _find(self, kind: str, event: JSONObject) -> NativeItem:
        item_id, index = _id(event.get("item_id")), event.get("output_index")
        latest = self._items[-1] if self._items else None
        if latest is not None and latest.kind == kind and item_id and item_id in latest.ids:
            return latest
        found = self._by_id(kind, item_id) or self._open_at(kind, index) or self._expected(kind, index)
        found = found or self._new(kind, item_id, index)
        if item_id:
            found.ids = (found.ids[0], item_id)
        return found

    def _by_id(self, kind: str, item_id: str) -> NativeItem | None:
        if not item_id:
            return None
        return next((item for item in reversed(self._items) if item.kind == kind and item_id in item.ids), None)

    def _by_call_id(self, kind: str, item: JSONObject) -> NativeItem | None:
        call_id = item.get("call_id")
        calls = (one for one in self._items if one.kind == kind and isinstance(one, CallItem))
        return next((one for one in calls if call_id and one.call_id == call_id), None)

    def _open_at(self, kind: str, index: JSONValue) -> NativeItem | None:
        if not isinstance(index, int):
            return None
        here = (item for item in reversed(self._items) if item.kind == kind and item.index == index)
        return next((item for item in here if not item.is_done), None)

    def _expected(self, kind: str, index: JSONValue) -> NativeItem | None:
        """The one that an event at no known place can only mean: announced and silent, or the last open one."""
        waiting = [item for item in self._items if item.kind == kind and not item.is_done]
        silent = next((item for item in waiting if item.is_announced and item.is_silent), None)
        if silent is not None or not waiting:
            return silent
        return None if isinstance(index, int) else waiting[-1]

    def _new(self, kind: str, item_id: str, index: JSONValue) -> NativeItem:
        item = make_item(kind, self._put)
        item.ids = (item_id, item_id)
        item.index = index if isinstance(index, int) else None
        self._items.append(item)
        return item

    def _put(self, item: NativeItem, signal: Signal) -> None:
        if self._queue and self._queue[0] is item:
            self._out.append(signal)
            return
        if item not in self._queue:
            self._queue.append(item)
            self._owed[id(item)] = []
        self._advance()
        if self._queue[0] is item:
            self._out.append(signal)
        else:
            self._owed[id(item)].append(signal)

    def _advance(self) -> None:
        while len(self._queue) > 1 and self._queue[0].may_end:
            self._next_turn()

    def _next_turn(self) -> None:
        self._queue.pop(0).interrupt()
        self._out += self._owed.pop(id(self._queue[0]), [])


def _id(value: JSONValue) -> str:
    return value if isinstance(value, str) else ""
