"""Keeps a database that is slow, full or gone from costing anybody more than an error.

What is asked of it is bounded in time, number and bytes. After several failures it is left alone for a while, then
asked once: who waits for it learns at once that it cannot be used. The log has a line a minute while that lasts, and
one when it is over.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.store.database import SLOW_SECONDS, Database, Row, Statement, UnstorableError
from gateway.store.protocol import StoreError

_log = logging.getLogger(__name__)

_MOST_PENDING = 1000
_MOST_PENDING_BYTES = 67_108_864
_FAILURES = 3
"""In a row, until it is left alone."""

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_LOG_SECONDS = 60.0


@dataclass(slots=True)
class Health:
    """How a database does: what metrics show."""

    operations: int = 0
    errors: int = 0
    refused: int = 0
    """Not even asked, since too much waited or it was left alone."""
    seconds: float = 0.0
    pending: int = 0
    pending_bytes: int = 0
    is_open: bool = False
    """Whether it is left alone at the moment."""


class GuardedDatabase:
    """A database behind these bounds.

    Args:
        database: which one; closed with its guard.
        seconds: how long one operation may take.
        clock: monotonic seconds.
    """

    def __init__(self, database: Database, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._pause = _FIRST_PAUSE_SECONDS
        self._closed_until = 0.0
        self._is_trying = False
        self._silent_until = 0.0
        self._has_told = False
        self.health = Health()

    def now(self) -> float:
        """Seconds since the epoch, by the clock of the database."""
        return self._database.now()

    async def read(self, statement: Statement, *, is_slow: bool = False) -> Sequence[Row]:
        """The rows that it finds."""
        seconds = max(SLOW_SECONDS, self._seconds) if is_slow else self._seconds
        return await self._guarded(lambda: self._database.read(statement, is_slow=is_slow), (statement,), seconds)

    async def write(self, *statements: Statement) -> Sequence[Row]:
        """Runs all of them or nothing."""
        return await self._guarded(lambda: self._database.write(*statements), statements, self._seconds)

    async def close(self) -> None:
        """Ends all use of the database."""
        await self._database.close()

    async def _guarded(
        self, operate: Callable[[], Awaitable[Sequence[Row]]], statements: tuple[Statement, ...], seconds: float
    ) -> Sequence[Row]:
        size = sum(statement.size for statement in statements)
        self._admit(size)
        health, started, is_trial = self.health, self._clock(), self.health.is_open
        self._is_trying = is_trial or self._is_trying
        health.operations += 1
        health.pending += 1
        health.pending_bytes += size
        try:
            async with asyncio.timeout(seconds):
                rows = await operate()
        except UnstorableError:  # the database is well
            self._succeed()
            raise
        except (StoreError, TimeoutError) as error:
            reason = str(error) or f"no answer within {seconds:g} seconds"
            self._fail(reason, is_trial=is_trial)
            raise StoreError(reason) from error
        finally:
            if is_trial:
                self._is_trying = False
            health.pending -= 1
            health.pending_bytes -= size
            health.seconds += self._clock() - started
        self._succeed()
        return rows

    def _admit(self, size: int) -> None:
        """Raises StoreError for what is not even asked."""
        health = self.health
        if health.is_open and (self._is_trying or self._clock() < self._closed_until):
            health.refused += 1
            raise StoreError("the store has failed a moment ago")
        if health.pending >= _MOST_PENDING or health.pending_bytes + size > _MOST_PENDING_BYTES:
            health.refused += 1
            self._tell("too much waits for the store")
            raise StoreError("too much waits for the store")

    def _succeed(self) -> None:
        if self._has_told:
            _log.warning("the store works again")
        self._failures, self._pause, self._has_told, self._silent_until = 0, _FIRST_PAUSE_SECONDS, False, 0.0
        self.health.is_open = False

    def _fail(self, reason: str, *, is_trial: bool) -> None:
        self.health.errors += 1
        self._failures += 1
        if is_trial or (self._failures >= _FAILURES and not self.health.is_open):
            self.health.is_open = True
            self._closed_until = self._clock() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        if self._clock() >= self._silent_until:
            _log.error("the store cannot be used", extra={"fields": {"reason": reason}})
            self._silent_until, self._has_told = self._clock() + _LOG_SECONDS, True
