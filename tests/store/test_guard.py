import asyncio
import logging
from collections.abc import Sequence
from itertools import pairwise

import pytest

from gateway.store.database import Row, Statement, UnstorableError
from gateway.store.guard import GuardedDatabase
from gateway.store.protocol import StoreError

ONE = Statement("SELECT 1", ({"body": b"x" * 1000},))


class Database:
    """Fails, waits or works, as it is told."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.delay = 0.0
        self.asked = 0

    def now(self) -> float:
        return 1.0

    async def read(self, statement: Statement, *, is_slow: bool = False) -> Sequence[Row]:
        return await self.write(statement)

    async def write(self, *statements: Statement) -> Sequence[Row]:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return [(1,)]

    async def close(self) -> None:
        """Nothing is open."""


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(database: Database, clock: Clock) -> GuardedDatabase:
    return GuardedDatabase(database, seconds=0.2, clock=clock)


async def fails(guarded: GuardedDatabase) -> str:
    with pytest.raises(StoreError) as caught:
        await guarded.write(ONE)
    return str(caught.value)


async def test_what_works_passes(guarded: GuardedDatabase) -> None:
    assert await guarded.read(ONE) == await guarded.write(ONE) == [(1,)]
    assert (guarded.now(), guarded.health.operations, guarded.health.pending_bytes) == (1.0, 2, 0)


async def test_what_is_too_slow_is_an_error(guarded: GuardedDatabase, database: Database) -> None:
    database.delay = 1
    assert "0.2 seconds" in await fails(guarded)
    assert await GuardedDatabase(database, seconds=0.2).read(ONE, is_slow=True) == [(1,)]


async def test_a_database_that_fails_is_left_alone_for_a_while(
    guarded: GuardedDatabase, database: Database, clock: Clock
) -> None:
    database.error = StoreError("down")
    asked_at: list[float] = []
    while len(asked_at) < 10:
        asked = database.asked
        await fails(guarded)
        if database.asked > asked:
            asked_at.append(clock.time)
        clock.time += 0.25
    gaps = [later - sooner for sooner, later in pairwise(asked_at)]
    assert gaps == [0.25, 0.25, 1, 2, 4, 8, 16, 30, 30]
    database.error = None
    clock.time += 31
    await guarded.write(ONE)
    assert not guarded.health.is_open
    await guarded.write(ONE)


async def test_only_one_tries_whether_it_works_again(
    guarded: GuardedDatabase, database: Database, clock: Clock
) -> None:
    database.error = StoreError("down")
    for _ in range(3):
        await fails(guarded)
    database.error, database.delay, database.asked = None, 0.05, 0
    clock.time += 2
    results = await asyncio.gather(*(guarded.write(ONE) for _ in range(10)), return_exceptions=True)
    assert [isinstance(result, StoreError) for result in results] == [False] + [True] * 9
    assert database.asked == 1


@pytest.mark.case("D2")
async def test_what_waits_is_bounded_in_number_and_bytes(database: Database) -> None:
    guarded = GuardedDatabase(database, seconds=10)
    database.delay = 0.1
    results = await asyncio.gather(*(guarded.write(ONE) for _ in range(1200)), return_exceptions=True)
    assert sum(isinstance(result, StoreError) for result in results) == 200
    large = Statement("", ({"body": b"x" * 20_000_000},))
    results = await asyncio.gather(*(guarded.write(large) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, StoreError) for result in results) == 2
    assert (guarded.health.pending, guarded.health.pending_bytes, guarded.health.refused) == (0, 0, 202)


async def test_what_cannot_be_stored_says_nothing_of_the_database(
    guarded: GuardedDatabase, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.error = UnstorableError("too large")
    for _ in range(5):
        assert await fails(guarded) == "too large"
    assert not guarded.health.is_open
    assert caplog.records == []


async def test_the_log_has_a_line_a_minute_and_one_at_the_end(
    guarded: GuardedDatabase, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    database.error = StoreError("down")
    for _ in range(600):
        await fails(guarded)
        clock.time += 0.3
    database.error = None
    clock.time += 31
    await guarded.write(ONE)
    await guarded.write(ONE)
    told = [(line.levelno, line.message) for line in caplog.records]
    assert told[-1] == (logging.WARNING, "the store works again")
    assert 3 <= len(told[:-1]) <= 4
