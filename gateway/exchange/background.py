"""Responses that are made in the background: they outlive the request that asked for them.

A run is a task of this process and a record in the store. Its lease there says that somebody works on it; who shares
the store can follow it, ask for its end, and tell when its process has gone.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from gateway.errors import ErrorKind, GatewayError, response_error
from gateway.exchange.event_log import FLUSH_SECONDS, EventLog, wait_for
from gateway.exchange.exchange import Exchange
from gateway.exchange.following import body_of, ended, follow, terminal_frame
from gateway.exchange.keeping import Keeping
from gateway.exchange.running import shutting_down
from gateway.settings import StateSettings
from gateway.store.protocol import Store, StoreError
from gateway.store.records import Record
from gateway.translate.response_object import PENDING

_log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
_LOOK_SECONDS = 1.0
"""How often leases are renewed and wishes to cancel are looked for."""

_SWEEP_SECONDS = 5.0
_STOP_SECONDS = 2.0
"""For a run to write its end when the process stops, or when a client waits for its cancellation."""

_STORING_SECONDS = 60.0
"""How long a finished run tries to store its end while the store is down."""


@dataclass(slots=True)
class _Run:
    """One response that is being made here."""

    exchange: Exchange
    keeping: Keeping
    log: EventLog
    last_words: Callable[[], Awaitable[None]] | None = None
    """Says why it ended, if it did not come to its own end."""
    task: asyncio.Task[None] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class BackgroundRuns:
    """The runs of this process.

    Args:
        store: where responses and their events are.
        settings: how many runs there may be.
        counted: counts a run as work under way while its block runs; entered once for each.
    """

    def __init__(
        self,
        store: Store,
        settings: StateSettings,
        counted: AbstractContextManager[None] = nullcontext(),  # noqa: B008 - it has no state
    ) -> None:
        self._store = store
        self._settings = settings
        self._counted = counted
        self._runner = secrets.token_hex(8)
        self._runs: dict[tuple[str, str], _Run] = {}
        self._reserved: dict[str, int] = {}
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._runs)

    async def start(
        self, owner: str, exchange: Exchange, keeping: Keeping, on_end: Callable[[], None] = lambda: None
    ) -> None:
        """Begins to make a response; when this returns, it can be found.

        Args:
            owner: whose it is.
            exchange: makes it; nobody else runs it.
            keeping: stores it.
            on_end: called when it is over.

        Raises:
            GatewayError: when there are too many.
            StoreError: when it cannot be stored.
        """
        with self._place(owner):
            begun = exchange.pending("in_progress")
            await keeping.begin(begun, runner=self._runner, seconds=LEASE_SECONDS)
            name = owner, begun.response_id
            self._runs[name] = run = _Run(exchange, keeping, EventLog(self._store, *name))
        await exchange.open(run.log)
        run.task = asyncio.create_task(self._run(name, run, on_end), name="background response")

    @contextmanager
    def _place(self, owner: str) -> Iterator[None]:
        """Holds a place for a run that is about to begin."""
        own = sum(1 for other, _ in self._runs if other == owner) + self._reserved.get(owner, 0)
        everybody = len(self._runs) + sum(self._reserved.values())
        is_own = own >= self._settings.max_background_per_key
        if is_own or everybody >= self._settings.max_background:
            message = "Too many responses run in the background."
            limit = "max_background_per_key" if is_own else "max_background"
            raise GatewayError(ErrorKind.KEY_LIMITED, message, retry_after=10, limit=limit)
        self._reserved[owner] = self._reserved.get(owner, 0) + 1
        try:
            yield
        finally:
            self._reserved[owner] -= 1
            if not self._reserved[owner]:
                del self._reserved[owner]

    async def _run(self, name: tuple[str, str], run: _Run, on_end: Callable[[], None]) -> None:
        flushing = asyncio.create_task(run.log.flush_until_over(), name="store events")
        try:
            with self._counted:
                await self._make(run)
                await flushing
            await self._store_end(run)
        finally:
            flushing.cancel()
            run.over.set()
            self._runs.pop(name, None)
            on_end()

    async def _make(self, run: _Run) -> None:
        try:
            await run.exchange.stream(run.log, commit_after=0)
        except asyncio.CancelledError:
            if run.last_words is None or run.task is None:
                raise
            run.task.uncancel()
            await run.last_words()

    async def _store_end(self, run: _Run) -> None:
        """Tries again to store the end of a run, whose events said that it could not be."""
        ending, until = run.exchange.ending, time.monotonic() + _STORING_SECONDS
        while ending is not None and run.keeping.has_failed and time.monotonic() < until and not self._is_stopping:
            await asyncio.sleep(_LOOK_SECONDS)
            await run.keeping.keep(ending)

    def follow_own(self, owner: str, response_id: str) -> AsyncIterator[bytes]:
        """The frames of a response that has just been started here, all of them."""
        return self._runs[owner, response_id].log.follow(0)

    def follow(self, record: Record, first: int) -> AsyncIterator[bytes]:
        """The frames of a response in the background from this sequence number on, until its terminal event.

        Raises:
            StoreError: when they cannot be read.
        """
        run = self._runs.get((record.owner, record.id))
        return run.log.follow(first) if run is not None else follow(self._store, record, first)

    async def cancel(self, record: Record) -> Record:
        """Ends a response in the background, wherever it is made, and returns what became of it.

        Raises:
            StoreError: when the store cannot say.
        """
        run = self._runs.get((record.owner, record.id))
        if run is not None:
            self._stop(run, run.exchange.cancel)
            await wait_for(run.over, _STOP_SECONDS)
        elif await self._store.ask_to_cancel(record.owner, record.id):
            await self._wait_elsewhere(record)
        return await self._store.get(record.owner, record.id) or record

    async def _wait_elsewhere(self, record: Record) -> None:
        until = time.monotonic() + _LOOK_SECONDS + _STOP_SECONDS
        while time.monotonic() < until:
            current = await self._store.get(record.owner, record.id)
            if current is None or current.status not in PENDING:
                return
            await asyncio.sleep(FLUSH_SECONDS)

    def forget(self, owner: str, record_id: str) -> None:
        """Ends the run of a response that has been deleted, if it is one of this process."""
        if (run := self._runs.get((owner, record_id))) is not None:
            self._stop(run, run.exchange.cancel)

    def _stop(self, run: _Run, last_words: Callable[[], Awaitable[None]]) -> None:
        if run.exchange.ending is None and run.task is not None and run.last_words is None:
            run.last_words = last_words
            # A task that is cancelled before its first step never takes it, and would leave no end.
            asyncio.get_running_loop().call_soon(run.task.cancel)

    async def watch(self) -> None:
        """Keeps leases, takes wishes to cancel, and ends runs whose process is gone; never returns."""
        sweep_at = 0.0
        while True:
            try:
                await self._renew()
                if time.monotonic() >= sweep_at:
                    await self._sweep()
                    sweep_at = time.monotonic() + _SWEEP_SECONDS
            except StoreError:  # others could not renew their leases either; the store's guard tells of it
                sweep_at = time.monotonic() + LEASE_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)

    async def _renew(self) -> None:
        begun = list(self._runs)
        if begun:
            held = await self._store.renew(self._runner, seconds=LEASE_SECONDS)
            for name in begun:
                if held.get(name, True):  # one that is not there has been deleted
                    self.forget(*name)

    async def _sweep(self) -> None:
        for name in await self._store.abandoned():
            record = await self._store.get(*name)
            if record is not None and name not in self._runs:
                await self._fail_abandoned(record)

    async def _fail_abandoned(self, record: Record) -> None:
        error = GatewayError(ErrorKind.SHUTTING_DOWN, "The gateway that made this response has stopped.")
        failed = ended(record, "failed", error=response_error(error))
        first = 0
        while frames := await self._store.logged(record.owner, record.id, first):
            first += len(frames)
        if await self._store.end_run(failed):
            frame = terminal_frame(await body_of(self._store, failed), first)
            await self._store.log(record.owner, record.id, first, [frame])
            _log.warning("a background response was left by its process", extra={"fields": {"id": record.id}})

    async def close(self) -> None:
        """Ends all runs that are left; each is stored as failed, if that can be done quickly."""
        self._is_stopping = True
        for run in self._runs.values():
            self._stop(run, partial(run.exchange.give_up, shutting_down()))
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
