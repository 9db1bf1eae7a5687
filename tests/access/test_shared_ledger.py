import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.access.budgets import Batch, Budgets, LedgerError, Spent
from gateway.access.redis_link import RedisLink
from gateway.access.shared_ledger import SharedLedger
from gateway.settings import Limits
from tests.fakes.log import captured_log
from tests.fakes.redis import RedisServer, redis_server

DAY, MONTH = "2026-01-31", "2026-01"
OWNER = "name:a b"


@asynccontextmanager
async def ledger_in(redis: RedisServer) -> AsyncIterator[SharedLedger]:
    link = RedisLink(redis.url, 2.0, ping_seconds=0.05)
    async with link.opened():
        yield SharedLedger(link)


def batch(name: str, tokens: int, cost: float) -> Batch:
    return Batch(name, {(DAY, OWNER): Spent(tokens, cost), (MONTH, OWNER): Spent(tokens, cost)})


async def test_what_is_told_is_there_for_all(redis: RedisServer) -> None:
    async with ledger_in(redis) as one, ledger_in(redis) as two:
        asked = [(DAY, OWNER), (MONTH, OWNER), (DAY, "nobody")]
        assert await one.settle(batch("1", 10, 0.5), asked) == {
            (DAY, OWNER): Spent(10, 0.5),
            (MONTH, OWNER): Spent(10, 0.5),
            (DAY, "nobody"): Spent(),
        }
        assert await two.settle(batch("2", 5, 1e-7), asked[:1]) == {(DAY, OWNER): Spent(15, 0.5000001)}
        assert await two.read((DAY, MONTH)) == {
            (DAY, OWNER): Spent(15, 0.5000001),
            (MONTH, OWNER): Spent(15, 0.5000001),
        }
        assert await one.settle(None, ()) == {}
        assert await one.settle(None, asked[:1]) == {(DAY, OWNER): Spent(15, 0.5000001)}


async def test_a_batch_that_comes_twice_counts_once(redis: RedisServer) -> None:
    async with ledger_in(redis) as ledger:
        for _ in range(3):
            assert await ledger.settle(batch("1", 10, 0.5), [(DAY, OWNER)]) == {(DAY, OWNER): Spent(10, 0.5)}


async def test_everything_ends_by_itself(redis: RedisServer) -> None:
    async with ledger_in(redis) as ledger:
        await ledger.settle(batch("1", 10, 0.5), ())
    with redis.client as client:
        assert all(0 < client.ttl(key) <= 40 * 86_400 for key in client.keys("*"))


async def test_spending_waits_for_a_redis_that_is_gone() -> None:
    with redis_server() as mortal, captured_log() as log:
        async with ledger_in(mortal) as ledger:
            budgets = Budgets(ledger)
            budgets.spend("a", 10, 0.5)
            await budgets.settle()
            mortal.kill()
            budgets.spend("a", 5, 0.25)
            await budgets.settle()
            with pytest.raises(LedgerError):
                await ledger.read((DAY,))
            assert budgets.check("a", Limits(tokens_per_day=15)) is not None
            mortal.start()
            await until_up(ledger)
            await budgets.settle()
            day, _ = budgets._periods()
            assert (await ledger.read((day,)))[day, "a"] == Spent(5, 0.25), "this Redis keeps nothing over its end"
    assert len(log.entries("redis is lost, each process limits for itself")) == 1


async def until_up(ledger: SharedLedger) -> None:
    async with asyncio.timeout(10):
        while True:
            if ledger._link.is_up:
                return
            await asyncio.sleep(0.01)
