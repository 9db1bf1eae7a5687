"""Each backend as tests open it: empty, and on a clock of their own."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.store.guard import GuardedDatabase
from gateway.store.memory import MemoryStore
from gateway.store.postgresql import PostgresDatabase
from gateway.store.protocol import Store
from gateway.store.records import Bounds
from gateway.store.sql import SQLStore
from gateway.store.sqlite import SqliteDatabase
from gateway.store.sqlite_file import prepare
from tests.fakes.postgresql import PostgresServer

BACKENDS = ("memory", "sqlite", "postgresql")
_names = itertools.count()


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch, as the test says."""

    time: float = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass(slots=True)
class Place:
    """Where one test stores: every store that it opens shares the same database."""

    backend: str
    path: Path
    url: str
    clock: Clock

    def open(self, bounds: Bounds = Bounds()) -> Store:  # noqa: B008 - it is frozen
        if self.backend == "memory":
            return MemoryStore(bounds, self.clock)
        if self.backend == "sqlite":
            prepare(self.path, set_aside=False, seconds=5)
            return SQLStore(GuardedDatabase(SqliteDatabase(self.path, seconds=5, clock=self.clock), seconds=20), bounds)
        database = PostgresDatabase(self.url)
        database.now = self.clock  # type: ignore[method-assign]
        return SQLStore(GuardedDatabase(database, seconds=20), bounds)


def place_for(backend: str, folder: Path, postgres: Callable[[], PostgresServer]) -> Place:
    """A new place; the server is asked for only where it is needed."""
    url = postgres().new_database(f"test_{next(_names)}") if backend == "postgresql" else ""
    return Place(backend, folder / "responses.db", url, Clock())
