"""The store in a database. It holds nothing itself, so that any number of processes can share one.

Reads are single statements and writes single transactions: nobody sees a half of either. To be continued or referred
to is a use of a record, which is written down only if the last one is some time ago: else each read would be a write.
"""

import contextlib
from collections.abc import Iterable, Sequence
from itertools import groupby

from gateway.store import statements
from gateway.store.database import Database, Row, Statement, UnstorableError
from gateway.store.guard import GuardedDatabase, Health
from gateway.store.protocol import StoreError
from gateway.store.records import Bounds, Item, Record, StoreUsage, Turn, size_of, size_of_frames, size_of_items
from gateway.store.sql_purge import Purge

_USE_SECONDS = 60.0
"""How exact the time of a use is, at most a hundredth of the time that a record is kept for."""


class SQLStore:
    """Keeps records in a database.

    Args:
        database: which one; closed with the store.
        bounds: how much there may be.
    """

    def __init__(self, database: Database, bounds: Bounds) -> None:
        self._database = database
        self._bounds = bounds
        self._purge = Purge(database, bounds)
        longest = bounds.longest_seconds
        self._use_seconds = min(_USE_SECONDS, longest / 100) if longest else _USE_SECONDS

    @property
    def health(self) -> Health | None:
        """How the database does, if it has a guard."""
        return self._database.health if isinstance(self._database, GuardedDatabase) else None

    async def put(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> None:
        """Keeps a new record with its items."""
        self._check(size_of(record, items) + (size_of_items(items) if append_to is not None else 0))
        await self._database.write(*self._inserted(record, items), *self._added_to(record.owner, append_to, items))

    async def update(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """Replaces head and status of a record and adds items."""
        return bool(await self._database.write(*self._updated(record, items, append_to)))

    async def get(self, owner: str, record_id: str) -> Record | None:
        """The record."""
        rows = await self._database.read(statements.select_record(owner, record_id, self._oldest()))
        return _record(rows[0]) if rows else None

    async def delete(self, owner: str, record_id: str) -> bool:
        """Removes a record with its items, events and run."""
        return bool(await self._database.write(statements.delete_record(owner, record_id, self._oldest())))

    async def items(self, owner: str, record_id: str) -> list[Item]:
        """The items of one record, in order."""
        rows = await self._database.read(statements.select_items(owner, record_id, self._oldest()))
        await self._use(owner, [(record_id, row[0]) for row in rows[:1]])
        return [_item(row[1:]) for row in rows if row[1] is not None]

    async def chain(self, owner: str, record_id: str, *, most: int) -> list[Turn]:
        """The response and those that it continues, oldest first."""
        rows = await self._database.read(statements.select_chain(owner, record_id, most, self._oldest()))
        await self._use(owner, {(row[0], row[3]) for row in rows})
        return [_turn(list(group)) for _, group in groupby(rows, key=lambda row: row[0])]

    async def find(self, owner: str, item_ids: Sequence[str]) -> dict[str, bytes]:
        """The bodies of items by id."""
        if not item_ids:
            return {}
        rows = await self._database.read(statements.find_items(owner, item_ids, self._oldest()))
        return {_text(item_id): bytes(body) for item_id, body in rows}

    async def append(self, owner: str, record_id: str, items: Sequence[Item]) -> bool:
        """Adds items behind those of a record."""
        self._check(size_of_items(items))
        return bool(await self._database.write(*self._appended(owner, record_id, items)))

    async def remove(self, owner: str, record_id: str, item_id: str) -> bool:
        """Removes one item of a record."""
        return bool(await self._database.write(*statements.remove_item(owner, record_id, item_id, self._oldest())))

    async def begin_run(self, record: Record, items: Sequence[Item], *, runner: str, seconds: float) -> None:
        """Keeps a new record whose answer is being made."""
        self._check(size_of(record, items))
        until = self._now() + seconds
        await self._database.write(*self._inserted(record, items), statements.insert_run(record, runner, until))

    async def end_run(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """Replaces head and status of a record that is being made, adds items, and ends its run."""
        updating, *others = self._updated(record, items, append_to)
        return bool(await self._database.write(updating, statements.delete_run(record.owner, record.id), *others))

    async def log(self, owner: str, record_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Adds the next events of a run."""
        self._check(size_of_frames(frames))
        logging = statements.log_events(owner, record_id, first, frames, now=self._now(), oldest=self._oldest())
        return bool(await self._database.write(*logging))

    async def logged(self, owner: str, record_id: str, first: int, *, most_bytes: int = 1_048_576) -> list[bytes]:
        """The events from this sequence number on."""
        reading = statements.select_events(owner, record_id, first, most_bytes, self._oldest())
        return [bytes(frame) for (frame,) in await self._database.read(reading)]

    async def ask_to_cancel(self, owner: str, record_id: str) -> bool:
        """Asks whoever runs it to stop."""
        return bool(await self._database.write(statements.stop_run(owner, record_id)))

    async def renew(self, runner: str, *, seconds: float) -> dict[tuple[str, str], bool]:
        """Renews the leases of all runs of a runner."""
        rows = await self._database.write(statements.renew_runs(runner, self._now() + seconds))
        return {(owner, record_id): bool(shall_stop) for owner, record_id, shall_stop in rows}

    async def abandoned(self, *, most: int = 100) -> list[tuple[str, str]]:
        """The owners and ids of runs whose lease has expired."""
        rows = await self._database.read(statements.select_abandoned(self._now(), most))
        return [(owner, record_id) for owner, record_id in rows]

    async def purge(self) -> bool:
        """Removes what is too old and what is too much, a slice of it."""
        return await self._purge.step()

    async def usage(self) -> StoreUsage:
        """How much is stored."""
        return await self._purge.usage()

    async def close(self) -> None:
        """Ends all use of the database."""
        await self._database.close()

    def _now(self) -> float:
        return self._database.now()

    def _oldest(self) -> float:
        """The last use of the oldest record that still lives."""
        longest = self._bounds.longest_seconds
        return self._now() - longest if longest else 0.0

    def _check(self, size: int) -> None:
        """Raises UnstorableError for what would never fit."""
        if self._bounds.most_bytes and size > self._bounds.most_bytes:
            raise UnstorableError("what is to be stored is larger than the store")

    def _inserted(self, record: Record, items: Sequence[Item]) -> list[Statement]:
        adding = statements.add_items(record.owner, record.id, items, self._oldest())
        return [statements.insert_record(record, items, self._now()), adding]

    def _updated(self, record: Record, items: Sequence[Item], append_to: str | None) -> list[Statement]:
        self._check(len(record.head) + size_of_items(items) * (1 if append_to is None else 2))
        return [
            statements.update_record(record, items, now=self._now(), oldest=self._oldest()),
            statements.add_items(record.owner, record.id, items, self._oldest()),
            *self._added_to(record.owner, append_to, items),
        ]

    def _added_to(self, owner: str, conversation: str | None, items: Sequence[Item]) -> list[Statement]:
        return [] if conversation is None else self._appended(owner, conversation, items, is_needed=False)

    def _appended(
        self, owner: str, record_id: str, items: Sequence[Item], *, is_needed: bool = True
    ) -> list[Statement]:
        """Adds items behind those that are there; who has made room first has its turn first."""
        now, oldest = self._now(), self._oldest()
        return [
            statements.grow(owner, record_id, items, now=now, oldest=oldest, is_needed=is_needed),
            statements.add_items(owner, record_id, items, oldest),
        ]

    async def _use(self, owner: str, last_uses: Iterable[tuple[str, float]]) -> None:
        """Takes note that records are used; what is read is no worse where that cannot be written."""
        now = self._now()
        forgotten = [record_id for record_id, used_at in last_uses if used_at < now - self._use_seconds]
        if forgotten:
            with contextlib.suppress(StoreError):
                await self._database.write(statements.use(owner, forgotten, now))


def _record(row: Row) -> Record:
    owner, record_id, head, created_at, previous, status, is_background = row
    return Record(owner, record_id, bytes(head), created_at, previous, status, is_background=bool(is_background))


def _item(row: Row) -> Item:
    item_id, body, is_output = row
    return Item(_text(item_id), bytes(body), is_output=bool(is_output))


def _turn(rows: Sequence[Row]) -> Turn:
    record_id, previous, status, *_ = rows[0]
    return Turn(record_id, previous, status, tuple(_item(row[4:]) for row in rows if row[4] is not None))


def _text(item_id: bytes) -> str:
    return bytes(item_id).decode("utf-8", "surrogatepass")
