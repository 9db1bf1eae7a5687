"""How long others wait for a store from which very much is removed, beside how long they wait for it at rest.

`python -m benchmarks.purge` fills a database with a million responses that are too old, each with two items, and lets
the gateway's own purge remove them while responses are stored and continued. `--url` takes a PostgreSQL server (the
database must be empty); without it a file of SQLite is made in `--folder`, which takes three gigabytes.
"""

import asyncio
import contextlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from gateway.store import statements
from gateway.store.database import Database, Statement
from gateway.store.guard import GuardedDatabase
from gateway.store.purging import keep_small
from gateway.store.records import Bounds, Item, Record
from gateway.store.sql import SQLStore
from gateway.store.sqlite import SqliteDatabase
from gateway.store.sqlite_file import prepare

ROWS = 1_000_000
REST_SECONDS = 30.0
_DAY_SECONDS = 86_400.0
_OWNERS = 100
_BATCH = 500
_AT_ONCE = 4
_HEAD, _QUESTION, _ANSWER = b"h" * 1500, b"q" * 200, b"a" * 600
_PAUSE_SECONDS = 0.005
"""Between two operations of one client."""


@dataclass(slots=True)
class Waits:
    """Durations, in seconds."""

    seconds: list[float] = field(default_factory=list)

    async def measure(self, operation: Awaitable[object]) -> None:
        """Wait for it and keep how long that took."""
        started = time.perf_counter()
        await operation
        self.seconds.append(time.perf_counter() - started)

    def __str__(self) -> str:
        ordered = sorted(self.seconds) or [0.0]
        part = [ordered[int(len(ordered) * share)] for share in (0.5, 0.99, 0.999)]
        return "".join(f"{figure * 1000:>9.1f}" for figure in (*part, ordered[-1]))


@dataclass(slots=True)
class Phase:
    """What three clients and the event loop waited in one part of the run."""

    writes: Waits = field(default_factory=Waits)
    reads: Waits = field(default_factory=Waits)
    loop: Waits = field(default_factory=Waits)


def response(owner: str, previous: str | None = None) -> tuple[Record, list[Item]]:
    """A response of the usual size."""
    record = Record(owner, f"resp_{secrets.token_hex(24)}", _HEAD, 1, previous, "completed")
    return record, [Item(f"msg_{secrets.token_hex(24)}", body) for body in (_QUESTION, _ANSWER)]


async def fill(database: Database, rows: int) -> None:
    """Store so many responses, all of them too old."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def batch(size: int) -> None:
        async with free:
            await database.write(*_batch(size, database.now() - 2 * _DAY_SECONDS))

    sizes = [_BATCH] * (rows // _BATCH) + [rows % _BATCH] * (rows % _BATCH > 0)
    await asyncio.gather(*map(batch, sizes))


def _batch(size: int, used_at: float) -> list[Statement]:
    made = [response(f"owner-{number % _OWNERS}") for number in range(size)]
    inserting = [statements.insert_record(record, items, used_at) for record, items in made]
    adding = [statements.add_items(record.owner, record.id, items, 0) for record, items in made]
    return [_joined(inserting), _joined(adding)]


def _joined(parts: list[Statement]) -> Statement:
    return Statement(parts[0].sql, tuple(values for part in parts for values in part.values))


@asynccontextmanager
async def clients(store: SQLStore, phase: Phase) -> AsyncIterator[None]:
    """One that stores responses, one that continues them, and a look at the event loop, while the block runs."""
    last, items = response("client")
    await store.put(last, items)

    async def write() -> None:
        nonlocal last
        last, items = response("client")
        await store.put(last, items)

    async def read() -> None:
        await store.chain("client", last.id, most=10)

    async def often(operation: Callable[[], Awaitable[None]], waits: Waits) -> None:
        while True:
            await waits.measure(operation())
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            phase.loop.seconds.append(time.perf_counter() - started - 0.001)

    tasks = [asyncio.create_task(task) for task in (often(write, phase.writes), often(read, phase.reads), look())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class Purging:
    """How it went."""

    rest: Phase = field(default_factory=Phase)
    busy: Phase = field(default_factory=Phase)
    slices: Waits = field(default_factory=Waits)
    seconds: float = 0.0
    is_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, store: SQLStore, rest_seconds: float, most_seconds: float | None) -> None:
        """Measure at rest, then until nothing is left to be removed, or for so long."""
        async with clients(store, self.rest):
            await asyncio.sleep(rest_seconds)
        started = time.perf_counter()
        async with clients(store, self.busy):
            purging = asyncio.create_task(keep_small(self._watched(store), _DAY_SECONDS))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(most_seconds):
                    await self.is_done.wait()
        self.seconds = time.perf_counter() - started
        purging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await purging

    def _watched(self, store: SQLStore) -> SQLStore:
        """The store, with its slices measured."""
        step = store.purge

        async def purge() -> bool:
            started = time.perf_counter()
            has_more = await step()
            self.slices.seconds.append(time.perf_counter() - started)
            if not has_more:
                self.is_done.set()
            return has_more

        store.purge = purge  # type: ignore[method-assign]
        return store


async def measure(
    database: Database, rows: int, rest_seconds: float = REST_SECONDS, most_seconds: float | None = None
) -> Purging:
    """Fill the database, purge it, and close it."""
    purging = Purging()
    store = SQLStore(GuardedDatabase(database, seconds=2), Bounds(longest_seconds=_DAY_SECONDS))
    try:
        await fill(database, rows)
        await purging.run(store, rest_seconds, most_seconds)
    finally:
        await store.close()
    return purging


def _postgresql(url: str) -> Database:
    from gateway.store.postgresql import PostgresDatabase  # noqa: PLC0415 - it is an extra

    return PostgresDatabase(url)


def file_in(folder: Path) -> Database:
    """An empty file of SQLite."""
    path = folder / "responses.db"
    prepare(path, set_aside=False, seconds=2)
    return SqliteDatabase(path, seconds=2)


@click.command()
@click.option("--rows", default=ROWS, show_default=True, help="Responses that are too old.")
@click.option("--seconds", type=float, help="Purge for so long at most.")
@click.option("--url", help="Of an empty database of PostgreSQL.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the file is made.")
def main(rows: int, seconds: float | None, url: str | None, folder: Path | None) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        database = _postgresql(url) if url else file_in(Path(place))
        purging = asyncio.run(measure(database, rows, most_seconds=seconds))
    print(f"{len(purging.slices.seconds):,} slices in {purging.seconds:.0f} s, of {rows:,} responses\n")
    print(f"{'ms':<36}{'median':>9}{'p99':>9}{'p99.9':>9}{'longest':>9}")
    print(f"{'a slice of the purge':<36}{purging.slices}")
    for name, phase in (("at rest", purging.rest), ("while purging", purging.busy)):
        print(f"{f'storing a response, {name}':<36}{phase.writes}")
        print(f"{f'continuing one, {name}':<36}{phase.reads}")
        print(f"{f'pause of the loop, {name}':<36}{phase.loop}")


if __name__ == "__main__":
    main()
