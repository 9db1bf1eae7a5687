"""Databases that are killed, full, locked, slow, gone, damaged, or purged while others write."""

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.configuration import ConfigurationError
from gateway.settings import StateSettings
from gateway.store.guard import GuardedDatabase
from gateway.store.opening import open_store
from gateway.store.postgresql import PostgresDatabase
from gateway.store.protocol import DamagedStoreError, Store, StoreError
from gateway.store.records import Bounds, Item, Record
from gateway.store.sql import SQLStore
from gateway.store.sqlite import SqliteDatabase
from gateway.store.sqlite_file import prepare
from tests.fakes.full_disk import files_no_larger_than
from tests.fakes.postgresql import PostgresServer

ROOT = Path(__file__).parents[2]
KILLS = 100
AT_ONCE = 4


def record(number: int) -> Record:
    return Record("ada", f"resp_{number}", b"{}", 1)


def sqlite_store(path: Path, seconds: float = 2.0, bounds: Bounds = Bounds()) -> SQLStore:  # noqa: B008
    prepare(path, set_aside=False, seconds=seconds)
    return SQLStore(GuardedDatabase(SqliteDatabase(path, seconds=seconds), seconds=seconds), bounds)


async def until_it_works(store: Store, number: int) -> None:
    """Writes until that succeeds: the guard asks again by itself after a pause."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreError):
                await store.put(record(number))
                return
            await asyncio.sleep(0.1)


@pytest.mark.case("D3")
def test_what_was_acknowledged_survives_a_hundred_kills(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "responses.db", list[str]()
    environment = os.environ | {"COVERAGE_PROCESS_CONFIG": "", "PYTHONPATH": str(ROOT)}
    for round_ in range(KILLS // AT_ONCE):
        writers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.store.crash_writer", str(path), f"{round_}_{number}"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for number in range(AT_ONCE)
        ]
        for index, writer in enumerate(writers):
            assert writer.stdout is not None
            for _ in range(3 + 5 * index):  # each is somewhere else in its work
                writer.stdout.readline()
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            rest, _ = writer.communicate()
            acknowledged += [line for line in rest.splitlines(keepends=False) if line]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        whole = dict(connection.execute("SELECT record_id, COUNT(*) FROM items GROUP BY record_id").fetchall())
        records = {name for (name,) in connection.execute("SELECT id FROM records")}
    assert acknowledged
    # The last line of a killed process may be half of a name.
    assert [name for name in acknowledged if name not in records and not any(r.startswith(name) for r in records)] == []
    assert set(whole) == records
    assert set(whole.values()) == {5}  # no half of a response


@pytest.mark.case("D1")
async def test_a_full_disk_is_an_error_and_passes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = sqlite_store(tmp_path / "responses.db")
    await store.put(record(0), [Item("a", b"kept")])
    with files_no_larger_than(300_000):
        refused = 0
        for number in range(1, 30):
            try:
                await store.put(record(number), [Item("a", b"x" * 50_000)])
            except StoreError:
                refused += 1
        assert refused > 10
        assert await _items_soon(store) == [Item("a", b"kept")]
    await until_it_works(store, 1000)
    await store.close()
    told = [line.message for line in caplog.records if line.levelno >= logging.WARNING]
    assert told[0] == "the store cannot be used"
    assert told[-1] == "the store works again"


async def _items_soon(store: Store) -> list[Item]:
    """What is read as soon as the guard lets somebody through."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreError):
                return await store.items("ada", "resp_0")
            await asyncio.sleep(0.1)


@pytest.mark.case("D2")
async def test_a_locked_file_costs_no_more_than_the_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    store = sqlite_store(path, seconds=0.3)
    await store.put(record(0))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(store.put(record(number)) for number in range(1, 20)), return_exceptions=True)
        assert all(isinstance(result, StoreError) for result in results)
        with contextlib.suppress(StoreError):  # unless the guard leaves it alone: reading needs no lock
            assert await store.get("ada", "resp_0") == record(0)
        other.execute("ROLLBACK")
    await until_it_works(store, 100)
    await store.close()


@pytest.mark.case("D2")
async def test_a_server_that_stops_is_used_again_when_it_is_back(postgres: PostgresServer) -> None:
    url = postgres.new_database("stopping")
    store = SQLStore(GuardedDatabase(PostgresDatabase(url), seconds=2), Bounds())
    await store.put(record(0))
    await asyncio.to_thread(postgres.stop)
    try:
        for number in range(1, 10):
            with pytest.raises(StoreError):
                await store.put(record(number))
    finally:
        await asyncio.to_thread(postgres.start)
    await until_it_works(store, 100)
    assert await store.get("ada", "resp_0") == record(0)
    await store.close()


async def test_a_server_that_is_not_there_yet_is_no_reason_not_to_start() -> None:
    store = open_store(StateSettings(backend="postgresql", url="postgresql://nobody@127.0.0.1:1/none"))
    assert store is not None
    with pytest.raises(StoreError):
        await store.get("ada", "resp_0")
    await store.close()
    with pytest.raises(ConfigurationError, match=r"state\.url"):
        open_store(StateSettings(backend="postgresql", url="mysql://x"))


def damage(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    data = bytearray(path.read_bytes())
    data[4096:12288] = os.urandom(8192)
    path.write_bytes(data)


@pytest.mark.case("D4")
async def test_a_damaged_file_is_refused_or_set_aside_and_never_silently_used(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    store = sqlite_store(path)
    for number in range(50):
        await store.put(record(number), [Item("a", b"x" * 1000)])
    await store.close()
    damage(path)
    damaged = path.read_bytes()
    with pytest.raises(DamagedStoreError, match="on_corruption"):
        open_store(StateSettings(backend="sqlite", path=str(path)))
    assert path.read_bytes()[100:] == damaged[100:]  # opening it marks its header
    fresh = open_store(StateSettings(backend="sqlite", path=str(path), on_corruption="set_aside"))
    assert fresh is not None
    assert await fresh.get("ada", "resp_1") is None
    await fresh.close()


@pytest.mark.case("D4")
def test_a_gateway_does_not_start_on_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    path.write_bytes(b"this is no database" * 1000)
    configuration = tmp_path / "gateway.toml"
    configuration.write_text('[state]\nbackend = "sqlite"\npath = "responses.db"\n')
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(configuration), "--port", "0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 75
    assert "damaged" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_only_the_user_of_the_gateway_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    prepare(path, set_aside=False, seconds=1)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match=r"state\.path"):
        open_store(StateSettings(backend="sqlite", path=str(tmp_path / "none" / "responses.db")))


@pytest.mark.case("D5")
async def test_a_purge_keeps_nobody_waiting(tmp_path: Path) -> None:
    bounds = Bounds(most_records=100)
    path = tmp_path / "responses.db"
    filling, store = sqlite_store(path, seconds=20), sqlite_store(path, seconds=20, bounds=bounds)
    for first in range(0, 3000, 500):
        await asyncio.gather(*(filling.put(record(first + number), [Item("a", b"x" * 200)]) for number in range(500)))

    async def write() -> float:
        longest = 0.0
        for number in range(5000, 5200):
            started = asyncio.get_running_loop().time()
            await store.put(record(number))
            longest = max(longest, asyncio.get_running_loop().time() - started)
        return longest

    async def purge() -> int:
        slices = 1
        while await store.purge():
            slices += 1
        return slices

    longest, slices = await asyncio.gather(write(), purge())
    assert slices > 10
    assert longest < 2.0  # the default limit of the guard
    while await store.purge():
        pass
    assert (await store.usage()).responses == 100
    assert await store.get("ada", "resp_5199") is not None
    await filling.close()
    await store.close()
