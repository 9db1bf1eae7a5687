"""The store in the memory of one process: nothing to install, gone with the process, bounded in every way.

What was used longest ago goes first. Nothing here waits, so each method is one step for all other tasks.

A full store is looked through by each full garbage collection, and everybody waits for that. So that it takes
milliseconds, no record has an object of its own that the collector follows: they are structs, tuples and texts
(benchmarks/collector.py).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from gateway.store.holders import Holders
from gateway.store.protocol import StoreError
from gateway.store.records import (
    Bounds,
    Item,
    Record,
    StoreUsage,
    Turn,
    is_conversation,
    size_of,
    size_of_frames,
    size_of_items,
)

_SLICE = 200
"""Records removed in one step of a purge."""


@dataclass(slots=True)
class _Run:
    """Who makes an answer, and until when that is believed."""

    runner: str
    lease_until: float
    shall_stop: bool = False


class _Entry(Struct, gc=False):
    """A record and all that goes with it."""

    record: Record
    items: tuple[Item, ...]
    used_at: float
    size: int
    frames: list[bytes] | None = None
    """Of a response in the background only."""


class MemoryStore:
    """Keeps records in a dictionary, in the order of their last use.

    Args:
        bounds: how much there may be.
        clock: seconds since the epoch.
    """

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = time.time) -> None:
        self._bounds = bounds
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._holders: dict[str, Holders] = {}
        """By owner; only of those who have items."""
        self._runs: dict[tuple[str, str], _Run] = {}
        self._bytes = 0
        self._conversations = 0

    async def put(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> None:
        """Keeps a new record with its items."""
        conversation = self._used(record.owner, append_to) if append_to is not None else None
        if conversation is None:
            self._insert(record, items)
        else:
            self._insert(record, items, beside=size_of_items(items))
            self._append(conversation, items)

    async def update(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """Replaces head and status of a record and adds items."""
        entry, conversation = self._used(record.owner, record.id), self._used(record.owner, append_to)
        if entry is None:
            return False
        growth = len(record.head) - len(entry.record.head)
        self._make_room(growth + size_of_items(items) * (1 if conversation is None else 2))
        if not self._is_kept(entry):  # it was itself what had to go
            return False
        entry.record = replace(entry.record, head=record.head, status=record.status)
        self._grow(entry, growth)
        self._add(entry, items)
        self._append(conversation, items)
        return True

    async def get(self, owner: str, record_id: str) -> Record | None:
        """The record."""
        entry = self._living(owner, record_id)
        return entry.record if entry is not None else None

    async def delete(self, owner: str, record_id: str) -> bool:
        """Removes a record with its items, events and run."""
        if self._living(owner, record_id) is None:
            return False
        self._drop((owner, record_id))
        return True

    async def items(self, owner: str, record_id: str) -> list[Item]:
        """The items of one record, in order."""
        entry = self._used(owner, record_id)
        return list(entry.items) if entry is not None else []

    async def chain(self, owner: str, record_id: str, *, most: int) -> list[Turn]:
        """The response and those that it continues, oldest first."""
        entries = list(self._ancestry(owner, record_id, most))[::-1]
        for entry in entries:
            self._use(entry)
        return [Turn(entry.record.id, entry.record.previous, entry.record.status, entry.items) for entry in entries]

    def _ancestry(self, owner: str, record_id: str, most: int) -> Iterator[_Entry]:
        """The entry and those before it, newest first; a circle cannot be stored, and would end at `most`."""
        next_id: str | None = record_id
        for _ in range(most):
            if next_id is None or (entry := self._living(owner, next_id)) is None:
                return
            yield entry
            next_id = entry.record.previous

    async def find(self, owner: str, item_ids: Sequence[str]) -> dict[str, bytes]:
        """The bodies of items by id."""
        found: dict[str, bytes] = {}
        for item_id in item_ids:
            for record_id in self._holders_of(owner).newest_first(item_id):
                if (entry := self._living(owner, record_id)) is not None:
                    found |= {item.id: item.body for item in entry.items if item.id == item_id}
                    break
        return found

    async def append(self, owner: str, record_id: str, items: Sequence[Item]) -> bool:
        """Adds items behind those of a record."""
        entry = self._used(owner, record_id)
        if entry is None:
            return False
        self._make_room(size_of_items(items))
        return self._append(entry, items)

    async def remove(self, owner: str, record_id: str, item_id: str) -> bool:
        """Removes one item of a record."""
        entry = self._living(owner, record_id)
        item = next((item for item in entry.items if item.id == item_id), None) if entry is not None else None
        if entry is None or item is None:
            return False
        left = list(entry.items)
        left.remove(item)
        entry.items = tuple(left)
        self._forget(owner, [item], record_id)
        self._grow(entry, -size_of_items([item]))
        return True

    async def begin_run(self, record: Record, items: Sequence[Item], *, runner: str, seconds: float) -> None:
        """Keeps a new record whose answer is being made."""
        self._insert(record, items)
        self._runs[record.owner, record.id] = _Run(runner, self._clock() + seconds)

    async def end_run(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """Replaces head and status of a record that is being made, adds items, and ends its run."""
        if self._runs.pop((record.owner, record.id), None) is None:
            return False
        return await self.update(record, items, append_to=append_to)

    async def log(self, owner: str, record_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Adds the next events of a run."""
        entry = self._used(owner, record_id)
        if entry is None:
            return False
        if entry.frames is None:
            entry.frames = []
        growth = size_of_frames(frames) - size_of_frames(entry.frames[first:])
        self._make_room(growth)
        if not self._is_kept(entry):
            return False
        entry.frames[first:] = frames
        self._grow(entry, growth)
        return True

    async def logged(self, owner: str, record_id: str, first: int, *, most_bytes: int = 1_048_576) -> list[bytes]:
        """The events from this sequence number on."""
        entry = self._living(owner, record_id)
        found: list[bytes] = []
        size = 0
        for frame in (entry.frames or [])[first:] if entry is not None else ():
            if found and size + len(frame) > most_bytes:
                break
            found.append(frame)
            size += len(frame)
        return found

    async def ask_to_cancel(self, owner: str, record_id: str) -> bool:
        """Asks whoever runs it to stop."""
        run = self._runs.get((owner, record_id))
        if run is None:
            return False
        run.shall_stop = True
        return True

    async def renew(self, runner: str, *, seconds: float) -> dict[tuple[str, str], bool]:
        """Renews the leases of all runs of a runner."""
        until = self._clock() + seconds
        own = {name: run for name, run in self._runs.items() if run.runner == runner}
        for run in own.values():
            run.lease_until = until
        return {name: run.shall_stop for name, run in own.items()}

    async def abandoned(self, *, most: int = 100) -> list[tuple[str, str]]:
        """The owners and ids of runs whose lease has expired."""
        now = self._clock()
        return [name for name, run in self._runs.items() if run.lease_until < now][:most]

    async def purge(self) -> bool:
        """Removes what is too old; the other bounds hold at any time."""
        for _ in range(_SLICE):
            oldest = next(iter(self._entries.values()), None)
            if oldest is None or not self._is_old(oldest):
                return False
            self._drop((oldest.record.owner, oldest.record.id))
        return True

    async def usage(self) -> StoreUsage:
        """How much is stored."""
        return StoreUsage(len(self._entries) - self._conversations, self._conversations, self._bytes)

    async def close(self) -> None:
        """What is in memory goes with it."""

    def _living(self, owner: str, record_id: str) -> _Entry | None:
        """The entry, unless it is too old, whether or not a purge has seen it."""
        entry = self._entries.get((owner, record_id))
        return None if entry is None or self._is_old(entry) else entry

    def _is_old(self, entry: _Entry) -> bool:
        longest = self._bounds.longest_seconds
        return bool(longest) and entry.used_at + longest < self._clock()

    def _used(self, owner: str, record_id: str | None) -> _Entry | None:
        """The entry, which counts as used now: it is the last one that makes room for others."""
        entry = self._living(owner, record_id) if record_id is not None else None
        if entry is not None:
            self._use(entry)
        return entry

    def _is_kept(self, entry: _Entry) -> bool:
        return self._entries.get((entry.record.owner, entry.record.id)) is entry

    def _use(self, entry: _Entry) -> None:
        entry.used_at = self._clock()
        self._entries.move_to_end((entry.record.owner, entry.record.id))

    def _insert(self, record: Record, items: Sequence[Item], *, beside: int = 0) -> None:
        """Keeps a record; so many bytes need room beside it."""
        size = size_of(record, items)
        self._make_room(size + beside, records=1)
        self._entries[record.owner, record.id] = _Entry(record, tuple(items), self._clock(), size)
        self._conversations += is_conversation(record.id)
        self._bytes += size
        self._hold(record.owner, items, record.id)

    def _append(self, entry: _Entry | None, items: Sequence[Item]) -> bool:
        if entry is None or not self._is_kept(entry):
            return False
        self._add(entry, items)
        return True

    def _add(self, entry: _Entry, items: Sequence[Item]) -> None:
        entry.items += tuple(items)
        self._hold(entry.record.owner, items, entry.record.id)
        self._grow(entry, size_of_items(items))
        self._use(entry)

    def _grow(self, entry: _Entry, size: int) -> None:
        entry.size += size
        self._bytes += size

    def _make_room(self, size: int, *, records: int = 0) -> None:
        """Removes the oldest until so much more fits.

        Raises:
            StoreError: when it never would.
        """
        most_bytes, most_records = self._bounds.most_bytes, self._bounds.most_records
        if most_bytes and size > most_bytes:
            raise StoreError("what is to be stored is larger than the store")
        while self._entries and (
            (most_bytes and self._bytes + size > most_bytes)
            or (most_records and len(self._entries) + records > most_records)
        ):
            self._drop(next(iter(self._entries)))

    def _drop(self, name: tuple[str, str]) -> None:
        entry = self._entries.pop(name)
        self._runs.pop(name, None)
        self._bytes -= entry.size
        self._conversations -= is_conversation(name[1])
        self._forget(name[0], entry.items, name[1])

    def _hold(self, owner: str, items: Sequence[Item], record_id: str) -> None:
        """The record has these items."""
        if not items:
            return
        if (holders := self._holders.get(owner)) is None:
            holders = self._holders[owner] = Holders()
        for item in items:
            holders.add(item.id, record_id)

    def _forget(self, owner: str, items: Sequence[Item], record_id: str) -> None:
        """The record does not have these items any more."""
        holders = self._holders_of(owner)
        for item in items:
            holders.remove(item.id, record_id)
        if not holders:
            self._holders.pop(owner, None)

    def _holders_of(self, owner: str) -> Holders:
        return self._holders.get(owner) or Holders()
