"""Removes from a database what is beyond the bounds, in slices short enough that no other waits for one.

Only one process at a time removes: two that had found the same excess would remove it twice.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.store.database import Database, Row, Statement, Values
from gateway.store.records import Bounds, StoreUsage

_SLICE_RECORDS = 50
_SLICE_BYTES = 1_048_576
"""A slice takes some ten milliseconds: so long SQLite lets nobody else write."""

_LEASE_SECONDS = 10.0

_USAGE = Statement(
    "SELECT COUNT(*), COALESCE(SUM(is_conversation), 0), COALESCE(SUM(size), 0) FROM records",
    ({},),
)
_OLDEST = Statement(
    "SELECT owner, id, used_at, size FROM records ORDER BY used_at LIMIT :most", ({"most": _SLICE_RECORDS},)
)
_TAKE_LEASE = """
    INSERT INTO leases (task, holder, until) VALUES ('purge', :holder, :until)
    ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until < :now RETURNING 1"""
_DROP = "DELETE FROM records WHERE owner = :owner AND id = :id AND used_at = :used_at"
"""What was used since it was looked at stays."""


@dataclass(slots=True)
class _Excess:
    """What is too much; negative where there is room."""

    bytes: int
    records: int

    @property
    def is_there(self) -> bool:
        return self.bytes > 0 or self.records > 0


class Purge:
    """Removes the oldest records of a database.

    Args:
        database: which one.
        bounds: what may stay.
    """

    def __init__(self, database: Database, bounds: Bounds) -> None:
        self._database = database
        self._bounds = bounds
        self._holder = secrets.token_hex(8)
        self._excess: _Excess | None = None
        """Measured once for all slices: it means to look at every record."""

    async def usage(self) -> StoreUsage:
        """How much is stored, with what is too old but not removed yet."""
        ((records, conversations, size),) = await self._database.read(_USAGE, is_slow=True)
        return StoreUsage(int(records) - int(conversations), int(conversations), int(size))

    async def step(self) -> bool:
        """Removes one slice; whether there may be more.

        Raises:
            StoreError: when it cannot be removed now.
        """
        if self._excess is None:
            self._excess = self._excess_of(await self.usage())
        rows = self._slice(await self._database.read(_OLDEST), self._excess)
        if rows and await self._drop(rows):
            return True
        self._excess = None
        return False

    def _excess_of(self, usage: StoreUsage) -> _Excess:
        most_bytes, most_records = self._bounds.most_bytes, self._bounds.most_records
        return _Excess(
            usage.bytes - most_bytes if most_bytes else 0,
            usage.responses + usage.conversations - most_records if most_records else 0,
        )

    def _slice(self, rows: Sequence[Row], excess: _Excess) -> list[Row]:
        """Those of the oldest records that have to go now; what they take off the excess is taken off."""
        longest = self._bounds.longest_seconds
        oldest = self._database.now() - longest if longest else 0.0
        size, chosen = 0, list[Row]()
        for row in rows:
            _, _, used_at, row_size = row
            if size >= _SLICE_BYTES or not (used_at < oldest or excess.is_there):
                break
            chosen.append(row)
            size += row_size
            excess.bytes -= row_size
            excess.records -= 1
        return chosen

    async def _drop(self, rows: Sequence[Row]) -> bool:
        """Removes these records; false, and nothing done, if another process is at it."""
        now = self._database.now()
        lease: Values = {"holder": self._holder, "until": now + _LEASE_SECONDS, "now": now}
        names = sorted((owner, record_id, used_at) for owner, record_id, used_at, _ in rows)
        dropped = tuple({"owner": owner, "id": record_id, "used_at": used_at} for owner, record_id, used_at in names)
        taking = Statement(_TAKE_LEASE, (lease,), is_needed=True)
        return bool(await self._database.write(taking, Statement(_DROP, dropped)))
