"""What the owners of keys have spent today and this month, by the calendar in UTC.

It is known in memory, so that nobody waits for it, and goes into a ledger each second: there it outlives the process,
and what other processes have spent comes back. While the ledger cannot be had, everything waits here for it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gateway.settings import Limits

_SETTLE_SECONDS = 1.0
_LAST_SECONDS = 2.0
"""For the last time, when the process stops."""

_DAY_SECONDS = 86_400

Account = tuple[str, str]
"""A day as `2026-11-25` or a month as `2026-11`, and an owner."""


@dataclass(slots=True)
class Spent:
    """Tokens, and money in the currency of the prices."""

    tokens: int = 0
    cost: float = 0.0

    def add(self, tokens: int, cost: float) -> None:
        """So much more."""
        self.tokens += tokens
        self.cost += cost


@dataclass(frozen=True, slots=True)
class Batch:
    """What has been spent since the last one; the ledger takes one with the same id only once."""

    id: str
    spent: Mapping[Account, Spent]


class LedgerError(Exception):
    """The ledger cannot be had at the moment; it has logged why."""


class Ledger(Protocol):
    """Where it is kept what all processes have spent."""

    async def read(self, periods: Collection[str]) -> dict[Account, Spent]:
        """Everything of these days and months. Raises LedgerError."""

    async def settle(self, batch: Batch | None, asked: Collection[Account]) -> dict[Account, Spent]:
        """Takes a batch and says what these accounts have spent by now, those that changed at least.

        Raises:
            LedgerError: when it cannot be had; the batch may have been taken all the same.
        """


@dataclass(frozen=True, slots=True)
class Overdraft:
    """A budget that is spent, by the name of its limit, and when it begins anew."""

    limit: str
    ends: datetime


@dataclass(slots=True)
class _Today:
    """The periods of one day."""

    number: int = -1
    day: str = ""
    month: str = ""


@dataclass(slots=True)
class Budgets:
    """The spending of all owners.

    Args:
        ledger: keeps it; without one, budgets begin anew with the process.
        now: seconds since the epoch.
    """

    ledger: Ledger | None = None
    now: Callable[[], float] = time.time
    _known: dict[Account, Spent] = field(default_factory=dict)
    """As the ledger last said."""
    _new: dict[Account, Spent] = field(default_factory=dict)
    _batch: Batch | None = None
    """What the ledger has been told and has not confirmed."""
    _asked: set[Account] = field(default_factory=set)
    _today: _Today = field(default_factory=_Today)

    def spent(self, owner: str) -> tuple[Spent, Spent]:
        """Today, and this month."""
        day, month = self._periods()
        return self._sum((day, owner)), self._sum((month, owner))

    def check(self, owner: str, limits: Limits) -> Overdraft | None:
        """The budget that is spent, if one is."""
        today, month = self.spent(owner)
        for limit, most, spent in (
            ("tokens_per_day", limits.tokens_per_day, today.tokens),
            ("cost_per_day", limits.cost_per_day, today.cost),
        ):
            if most and spent >= most:
                return Overdraft(limit, self._tomorrow())
        for limit, most, spent in (
            ("tokens_per_month", limits.tokens_per_month, month.tokens),
            ("cost_per_month", limits.cost_per_month, month.cost),
        ):
            if most and spent >= most:
                return Overdraft(limit, self._next_month())
        return None

    def spend(self, owner: str, tokens: int, cost: float) -> None:
        """The owner has used so much."""
        for period in self._periods():
            self._new.setdefault((period, owner), Spent()).add(tokens, cost)

    async def settle(self) -> None:
        """Tells the ledger what is new, and learns what others have spent."""
        if self.ledger is None:
            for account, spent in self._new.items():
                self._known.setdefault(account, Spent()).add(spent.tokens, spent.cost)
            self._new, self._asked = {}, set()
            return
        if self._batch is None and self._new:
            self._batch, self._new = Batch(secrets.token_hex(16), self._new), {}
        asked, self._asked = self._asked, set()
        if self._batch is not None:
            asked |= self._batch.spent.keys()
        if not asked:
            return
        try:
            totals = await self.ledger.settle(self._batch, asked)
        except LedgerError:
            self._asked |= asked
            return
        self._batch = None
        self._known |= totals

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keeps the ledger while the block runs."""
        if self.ledger is not None:
            with suppress(LedgerError):
                self._known |= await self.ledger.read(self._periods())
        is_over = asyncio.Event()
        settling = asyncio.create_task(self._settle_until(is_over), name="settle budgets")
        try:
            yield
        finally:
            is_over.set()
            await asyncio.wait({settling}, timeout=_LAST_SECONDS)
            settling.cancel()

    async def _settle_until(self, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_SECONDS):
                    await is_over.wait()
            await self.settle()
        await self.settle()  # what came meanwhile

    def _sum(self, account: Account) -> Spent:
        self._asked.add(account)
        total = Spent()
        batch = self._batch.spent if self._batch is not None else {}
        for part in (self._known, batch, self._new):
            if (spent := part.get(account)) is not None:
                total.add(spent.tokens, spent.cost)
        return total

    def _periods(self) -> tuple[str, str]:
        today, number = self._today, int(self.now() // _DAY_SECONDS)
        if number != today.number:
            day = _midnight(number).date().isoformat()
            today.number, today.day, today.month = number, day, day[:7]
            self._known = {account: spent for account, spent in self._known.items() if account[0] in (day, day[:7])}
        return today.day, today.month

    def _tomorrow(self) -> datetime:
        return _midnight(self._today.number + 1)

    def _next_month(self) -> datetime:
        first = _midnight(self._today.number).replace(day=1)
        return (first + timedelta(days=32)).replace(day=1)


def _midnight(number: int) -> datetime:
    return datetime.fromtimestamp(number * _DAY_SECONDS, UTC)
