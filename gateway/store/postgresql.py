"""PostgreSQL: shared by the processes of any number of hosts. Needs the extra `postgresql`.

Nothing is opened before it is needed, so that a server that is down is no reason not to start. Time is that of the
server, as far as it is known: the clocks of several hosts differ.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from functools import lru_cache

import asyncpg

from gateway.store.database import Row, Statement, UnstorableError, Value
from gateway.store.protocol import StoreError
from gateway.store.schema import READ_VERSION, SCHEMA, VERSION_TABLE, Dialect

DIALECT = Dialect(blob="BYTEA", real="DOUBLE PRECISION", serial="BIGSERIAL PRIMARY KEY")

_CONNECTIONS = 8
_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_MIGRATION_LOCK = 7_235_011_946
"""Any number that nobody else uses: two processes that start at once must not both migrate."""

_PARAMETER = re.compile(r":([a-z_]+)")
_TYPES = {
    "head": "bytea",
    "item_id": "bytea",
    "body": "bytea",
    "frame": "bytea",
    "created_at": "bigint",
    "is_background": "smallint",
    "is_conversation": "smallint",
    "is_output": "smallint",
    "size": "bigint",
    "growth": "bigint",
    "first": "bigint",
    "number": "bigint",
    "most": "bigint",
    "most_bytes": "bigint",
    "now": "float8",
    "oldest": "float8",
    "until": "float8",
    "used_at": "float8",
}
"""Of parameters; all others are text."""

_REFUSED = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.ProgramLimitExceededError)
_FAILED = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@lru_cache(maxsize=256)
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with numbered parameters, and their names in order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}::{_TYPES.get(found[1], 'text')}", sql), names


class PostgresDatabase:
    """One database.

    Args:
        url: `postgresql://user:password@host/name`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._ahead = 0.0
        """How far the clock of the server is ahead of the one here."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    async def read(self, statement: Statement, *, is_slow: bool = False) -> Sequence[Row]:
        """The rows that it finds."""
        try:
            async with (await self._opened()).acquire() as connection:
                return await _rows(connection, statement)
        except _REFUSED as error:
            raise UnstorableError(_said(error)) from error
        except _FAILED as error:
            raise StoreError(_said(error)) from error

    async def write(self, *statements: Statement) -> Sequence[Row]:
        """Runs all of them or nothing."""
        try:
            async with (await self._opened()).acquire() as connection, connection.transaction():
                return await _run(connection, statements)
        except _NoRowError:
            return []
        except _REFUSED as error:
            raise UnstorableError(_said(error)) from error
        except _FAILED as error:
            raise StoreError(_said(error)) from error

    async def close(self) -> None:
        """Ends all connections."""
        if self._pool is not None:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._pool.close()
            except _FAILED:
                self._pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        """The connections, once the tables are as they should be."""
        async with self._opening:
            if self._pool is None:
                pool = asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=_CONNECT_SECONDS,
                    server_settings={"application_name": "responses-gateway"},
                )
                await pool
                try:
                    await self._prepare(pool)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
        return self._pool

    async def _prepare(self, pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            await connection.execute(VERSION_TABLE)
            for sql in SCHEMA.pending(await connection.fetchval(READ_VERSION), DIALECT):
                await connection.execute(sql)
            server = await connection.fetchval("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8")
            self._ahead = server - time.time()


class _NoRowError(Exception):
    """A statement that needs a row found none."""


async def _run(connection: asyncpg.pool.PoolConnectionProxy, statements: Sequence[Statement]) -> Sequence[Row]:
    first: Sequence[Row] = []
    for index, statement in enumerate(statements):
        if index and not statement.is_needed:
            sql, names = _numbered(statement.sql)
            await connection.executemany(sql, [[values[name] for name in names] for values in statement.values])
            continue
        rows = await _rows(connection, statement)
        if statement.is_needed and not rows:
            raise _NoRowError
        first = first if index else rows
    return first


async def _rows(connection: asyncpg.pool.PoolConnectionProxy, statement: Statement) -> list[Row]:
    sql, names = _numbered(statement.sql)
    found: list[Row] = []
    for values in statement.values:
        arguments: list[Value] = [values[name] for name in names]
        found += [tuple(row) for row in await connection.fetch(sql, *arguments)]
    return found


def _said(error: BaseException) -> str:
    """What the log may have: the words of a server can quote what was to be stored."""
    code = getattr(error, "sqlstate", None)
    return f"PostgreSQL: {type(error).__name__}" + (f" ({code})" if code else "")
