"""What a store can do. Every backend passes the same tests (`tests/store/test_conformance.py`).

A store keeps records and their items, and what it needs so that a run in the background can be followed and ended from
any process that shares it. The owner is part of every name: what belongs to another is as unknown as what never was.
When a method has returned, what it did can be read by everybody who shares the store.

Every method may raise `StoreError`; nothing has been changed then.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.store.records import Item, Record, StoreUsage, Turn


class StoreError(Exception):
    """The store cannot do it now: it is down, full, slow or damaged. The message is for the log."""


class DamagedStoreError(Exception):
    """What is stored is damaged, and the gateway shall not start before somebody has looked at it."""


class Records(Protocol):
    """Responses and conversations."""

    async def put(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> None:
        """Keeps a new record with its items.

        Args:
            record: one whose id nobody has.
            items: in order.
            append_to: a conversation of the same owner that gets the items too; one that is gone gets none.
        """

    async def update(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """Replaces head and status of a record and adds items; false, and nothing done, if it is gone."""

    async def get(self, owner: str, record_id: str) -> Record | None:
        """The record."""

    async def delete(self, owner: str, record_id: str) -> bool:
        """Removes a record with its items, events and run; false if there was none."""

    async def items(self, owner: str, record_id: str) -> list[Item]:
        """The items of one record, in order; none for one that is gone. Counts as a use."""

    async def chain(self, owner: str, record_id: str, *, most: int) -> list[Turn]:
        """The response and those that it continues, oldest first; at most so many. Counts as a use of each.

        The first turn has a `previous` of its own if there are more, or if one is gone.
        """

    async def find(self, owner: str, item_ids: Sequence[str]) -> dict[str, bytes]:
        """The bodies of items by id, of whichever record; the newest where there are several."""

    async def append(self, owner: str, record_id: str, items: Sequence[Item]) -> bool:
        """Adds items behind those of a record; false if it is gone."""

    async def remove(self, owner: str, record_id: str, item_id: str) -> bool:
        """Removes one item of a record; false if it had none of this id."""


class Runs(Protocol):
    """Responses that are being made in the background, by a runner: one process, for as long as it lives.

    A run is held by a lease, which its runner renews. Who finds it expired knows that the runner is gone.
    """

    async def begin_run(self, record: Record, items: Sequence[Item], *, runner: str, seconds: float) -> None:
        """Keeps a new record whose answer is being made; the lease lasts so many seconds."""

    async def end_run(self, record: Record, items: Sequence[Item] = (), *, append_to: str | None = None) -> bool:
        """As `update`, for the end of a run; false if the record is gone or nobody runs it any more."""

    async def log(self, owner: str, record_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Adds the next events of a run, as frames; `first` is the sequence number of the first one.

        False, and nothing done, if the record is gone.
        """

    async def logged(self, owner: str, record_id: str, first: int, *, most_bytes: int = 1_048_576) -> list[bytes]:
        """The events from this sequence number on: about so many bytes of them, and at least one if there are any."""

    async def ask_to_cancel(self, owner: str, record_id: str) -> bool:
        """Asks whoever runs it to stop; false if nobody does."""

    async def renew(self, runner: str, *, seconds: float) -> dict[tuple[str, str], bool]:
        """Renews the leases of all runs of a runner; their owners and ids, and whether each shall stop."""

    async def abandoned(self, *, most: int = 100) -> list[tuple[str, str]]:
        """The owners and ids of runs whose lease has expired."""


class Store(Records, Runs, Protocol):
    """All of it, and what keeps it small."""

    async def purge(self) -> bool:
        """Removes what is beyond the bounds, oldest first, a slice at a time; whether there may be more to remove."""

    async def usage(self) -> StoreUsage:
        """How much is stored."""

    async def close(self) -> None:
        """Ends all use of the store."""
