"""How databases of older and newer gateways are met."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from gateway.configuration import ConfigurationError
from gateway.settings import StateSettings
from gateway.store import postgresql
from gateway.store.opening import open_store
from gateway.store.protocol import StoreError
from gateway.store.records import Bounds, Item, Record
from gateway.store.schema import SCHEMA, NewerSchemaError
from gateway.store.sql import SQLStore
from gateway.store.sqlite import DIALECT, connect, migrate
from gateway.store.sqlite_file import prepare
from tests.fakes.postgresql import PostgresServer

NEXT = replace(SCHEMA, migrations=(*SCHEMA.migrations, ("ALTER TABLE records ADD COLUMN colour TEXT",)))
RECORD = Record("ada", "resp_1", b"{}", 1)


def test_a_database_gets_what_it_lacks_and_no_more() -> None:
    everything = list(NEXT.pending(None, DIALECT))
    assert list(NEXT.pending(1, DIALECT)) == everything[-2:]
    assert list(NEXT.pending(2, DIALECT)) == []
    with pytest.raises(NewerSchemaError, match="schema 3"):
        list(NEXT.pending(3, DIALECT))


async def test_what_an_older_gateway_stored_in_a_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    settings = StateSettings(backend="sqlite", path=str(path))
    older = open_store(settings)
    assert older is not None
    await older.put(RECORD, [Item("a", b"text")])
    await older.close()
    with contextlib.closing(connect(path, 1)) as connection:
        migrate(connection, NEXT)
        migrate(connection, NEXT)  # as every further process does
        assert connection.execute("SELECT id, colour FROM records").fetchall() == [("resp_1", None)]
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(1,), (2,)]
    with pytest.raises(ConfigurationError, match="newer gateway"):
        open_store(settings)


async def test_what_an_older_gateway_stored_on_a_server_is_kept(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_database("migrated")
    older = SQLStore(postgresql.PostgresDatabase(url), Bounds())
    await older.put(RECORD, [Item("a", b"text")])
    await older.close()
    with monkeypatch.context() as newer_gateway:
        newer_gateway.setattr(postgresql, "SCHEMA", NEXT)
        newer = SQLStore(postgresql.PostgresDatabase(url), Bounds())
        assert await newer.items("ada", "resp_1") == [Item("a", b"text")]
        await newer.close()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT COUNT(colour) FROM records") == 0
    await connection.close()
    back = SQLStore(postgresql.PostgresDatabase(url), Bounds())
    with pytest.raises(StoreError, match="newer gateway"):
        await back.get("ada", "resp_1")
    await back.close()


def test_a_process_that_starts_beside_another_finds_the_tables_made(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    prepare(path, set_aside=False, seconds=1)
    with contextlib.closing(connect(path, 1)) as one, contextlib.closing(connect(path, 1)) as two:
        migrate(one)
        migrate(two)
        assert two.execute("SELECT MAX(version) FROM schema_version").fetchone() == (len(SCHEMA.migrations),)
        with pytest.raises(sqlite3.IntegrityError):
            two.execute("INSERT INTO items (owner, record_id, item_id, body, is_output) VALUES ('a', 'b', 'c', 'd', 0)")
