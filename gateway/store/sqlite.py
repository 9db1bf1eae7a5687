"""SQLite: one file, shared by the processes of a host. Its calls wait for the disk, so that threads make them.

One thread writes, two read; with a write-ahead log no reader waits for a writer. `synchronous` is NORMAL: what was
written survives the end of the process in any form. After a loss of power the file is whole, and may lack what came
after the last checkpoint; FULL would cost each response a wait for the disk.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.store.database import Row, Statement, UnstorableError
from gateway.store.protocol import StoreError
from gateway.store.schema import READ_VERSION, SCHEMA, VERSION_TABLE, Dialect, Schema

DIALECT = Dialect(blob="BLOB", real="REAL", serial="INTEGER PRIMARY KEY AUTOINCREMENT")

_READERS = 2
_MOST_LOG_BYTES = 67_108_864
"""The write-ahead log may grow beyond it while somebody reads, and shrinks to it."""

_PASSING = ("SQLITE_BUSY", "SQLITE_FULL")
"""Errors after which a connection is as good as before."""

_Work = Callable[[sqlite3.Connection, tuple[Statement, ...]], list[Row]]


def connect(path: Path, seconds: float) -> sqlite3.Connection:
    """A connection to a file that exists.

    Args:
        path: of the file.
        seconds: how long it waits while another process writes.

    Raises:
        sqlite3.Error: when it cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_MOST_LOG_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, schema: Schema = SCHEMA) -> None:
    """Brings the tables to today's form.

    Raises:
        NewerSchemaError: when a newer gateway has used the file.
        sqlite3.Error: when it cannot be done.
    """
    if not any(schema.pending(_version(connection), DIALECT)):
        return
    with _transaction(connection):
        connection.execute(VERSION_TABLE)
        for sql in schema.pending(_version(connection), DIALECT):
            connection.execute(sql)


def _version(connection: sqlite3.Connection) -> int | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone():
        return None
    version: int | None = connection.execute(READ_VERSION).fetchone()[0]
    return version


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class SqliteDatabase:
    """One file.

    Args:
        path: of the file, which exists.
        seconds: how long a statement waits while another process writes.
        clock: seconds since the epoch.
    """

    def __init__(self, path: Path, *, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self.now = clock
        self._writer = _Threads(path, seconds, 1, migrate)
        self._readers = _Threads(path, seconds, _READERS, _only_read)

    async def read(self, statement: Statement, *, is_slow: bool = False) -> Sequence[Row]:
        """The rows that it finds."""
        return await self._readers.run(_read, (statement,))

    async def write(self, *statements: Statement) -> Sequence[Row]:
        """Runs all of them or nothing."""
        return await self._writer.run(_write, statements)

    async def close(self) -> None:
        """Lets what is being written come to its end, and ends the threads."""
        await asyncio.gather(self._readers.close(), self._writer.close())


def _only_read(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


def _read(connection: sqlite3.Connection, statements: tuple[Statement, ...]) -> list[Row]:
    (statement,) = statements
    return _rows(connection, statement)


def _write(connection: sqlite3.Connection, statements: tuple[Statement, ...]) -> list[Row]:
    with contextlib.suppress(_NoRowError), _transaction(connection):
        results = [_needed(_rows(connection, statement), statement) for statement in statements]
        return results[0]
    return []


class _NoRowError(Exception):
    """A statement that needs a row found none."""


def _needed(rows: list[Row], statement: Statement) -> list[Row]:
    if statement.is_needed and not rows:
        raise _NoRowError
    return rows


def _rows(connection: sqlite3.Connection, statement: Statement) -> list[Row]:
    found: list[Row] = []
    for values in statement.values:
        found += connection.execute(statement.sql, values)
    return found


class _Threads:
    """Threads with a connection each, opened when it is needed and again after it has failed."""

    def __init__(self, path: Path, seconds: float, count: int, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._seconds = seconds
        self._prepare = prepare
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="sqlite")
        self._own = threading.local()
        self._connections: set[sqlite3.Connection] = set()

    async def run(self, work: _Work, statements: tuple[Statement, ...]) -> list[Row]:
        """Has one of the threads do it; what nobody waits for any more is not begun, and its texts are let go."""
        job = _Job(self, work, statements)
        try:
            return await asyncio.wrap_future(self._executor.submit(job.run))
        except asyncio.CancelledError:
            job.statements = ()
            raise

    def connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = connect(self._path, self._seconds)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._own.connection = connection
            self._connections.add(connection)
        return connection

    def forget(self) -> None:
        """Closes the connection of this thread."""
        if (connection := getattr(self._own, "connection", None)) is not None:
            self._own.connection = None
            self._connections.discard(connection)
            connection.close()

    async def close(self) -> None:
        """Ends the threads when they have done what they began, then closes their connections."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        for connection in self._connections:
            connection.close()


class _Job:
    """What one thread is to do."""

    def __init__(self, threads: _Threads, work: _Work, statements: tuple[Statement, ...]) -> None:
        self._threads = threads
        self._work = work
        self.statements = statements

    def run(self) -> list[Row]:
        """Does it, in its thread."""
        try:
            return self._work(self._threads.connection(), self.statements)
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise UnstorableError(f"SQLite: {error}") from error
        except sqlite3.Error as error:
            if error.sqlite_errorname not in _PASSING:
                self._threads.forget()
            raise StoreError(f"SQLite: {error}") from error
