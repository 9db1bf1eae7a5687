"""The ledger in a file, which the processes of a host share: JSON, by day or month and owner.

A lock makes them take turns, and each reads what is there before it writes. Only what is current stays in it.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from gateway.access.budgets import Account, Batch, LedgerError, Spent
from gateway.access.whole_file import locked, write_whole

_log = logging.getLogger(__name__)

_Signature = tuple[int, int]
_Totals = dict[str, dict[str, tuple[int, float]]]
"""Tokens and cost by owner by period."""


class FileLedger:
    """Keeps spending in a file.

    Args:
        path: of the file; it is made when something is spent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _Signature | None = None
        self._is_lost = False

    async def read(self, periods: Collection[str]) -> dict[Account, Spent]:
        """Everything of these days and months."""
        totals = await self._at_work(None)
        return {account: spent for account, spent in totals.items() if account[0] in periods}

    async def settle(self, batch: Batch | None, asked: Collection[Account]) -> dict[Account, Spent]:
        """Takes a batch, and says what all have spent if the file has changed since."""
        return await self._at_work(batch)

    async def _at_work(self, batch: Batch | None) -> dict[Account, Spent]:
        """In a thread, since the disk may be slow."""
        try:
            totals = await asyncio.to_thread(self._work, batch)
        except OSError as error:
            self._tell(error)
            raise LedgerError from error
        if self._is_lost:
            self._is_lost = False
            _log.warning("budgets are kept again")
        return totals

    def _work(self, batch: Batch | None) -> dict[Account, Spent]:
        if batch is None:
            return self._changes()
        with locked(self._path, waits=False):
            totals = _sum(self._totals(), batch.spent)
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(totals)))
            self._seen = self._signature()
        return _accounts(totals)

    def _changes(self) -> dict[Account, Spent]:
        if (signature := self._signature()) == self._seen:
            return {}
        self._seen = signature
        return _accounts(self._totals())

    def _totals(self) -> _Totals:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Totals)
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError:
            damaged = self._path.with_name(f"{self._path.name}.damaged")
            self._path.replace(damaged)
            _log.error("the file of the budgets is damaged, they begin anew", extra={"fields": {"file": str(damaged)}})
            return {}

    def _signature(self) -> _Signature | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _tell(self, error: OSError) -> None:
        """A lock that somebody holds is free again in a second, most often."""
        if not self._is_lost and not isinstance(error, BlockingIOError):
            self._is_lost = True
            fields = {"file": str(self._path), "reason": error.strerror or type(error).__name__}
            _log.warning("budgets cannot be kept, they will not survive a restart", extra={"fields": fields})


def _sum(totals: _Totals, spent: Mapping[Account, Spent]) -> _Totals:
    """Both together, without the days and months that are over."""
    for (period, owner), more in spent.items():
        tokens, cost = totals.setdefault(period, {}).get(owner, (0, 0.0))
        totals[period][owner] = tokens + more.tokens, cost + more.cost
    latest = {len(period): period for period in sorted(totals)}
    return {period: owners for period, owners in totals.items() if latest[len(period)] == period}


def _accounts(totals: _Totals) -> dict[Account, Spent]:
    return {
        (period, owner): Spent(tokens, cost)
        for period, owners in totals.items()
        for owner, (tokens, cost) in owners.items()
    }
