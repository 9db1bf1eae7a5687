"""Limits that several processes share in a real Redis, and what becomes of them when it is slow or gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.access.counts import CONCURRENCY, REQUESTS, TOKENS, Claim, Counts, LocalCounts
from gateway.access.opening import open_counts
from gateway.access.redis_link import Call, LinkLostError, RedisLink, Reply
from gateway.access.shared_counts import LEASE_SECONDS, SharedCounts
from gateway.access.sliding_counter import SlidingCounter
from gateway.settings import Limits, LimitsSettings
from tests.fakes.log import Log, captured_log
from tests.fakes.redis import RedisServer, redis_server
from tests.fakes.upstream import WAIT

SECONDS = 2.0
"""For Redis to answer, on a machine that may be busy."""

RUNNING = "responses-gateway:{owner:a}:running"
MINUTE = "responses-gateway:{owner:a}:minute"


@asynccontextmanager
async def processes(redis: RedisServer, number: int) -> AsyncIterator[list[SharedCounts]]:
    """What so many gateways would have."""
    async with AsyncExitStack() as stack:
        made = [SharedCounts(RedisLink(redis.url, SECONDS, ping_seconds=0.05), LocalCounts()) for _ in range(number)]
        for counts in made:
            await stack.enter_async_context(counts.opened())
        yield made


async def admitted(counts: Counts, limits: Limits) -> Claim | str:
    """The claim, or the limit that refused it."""
    claim = Claim("a", limits)
    return (await counts.admit(claim)).refused_by or claim


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def away_from_the_edge() -> None:
    """A minute that ends in the middle of a test would change what it counts."""
    if (left := 60 - time.time() % 60) < 5:
        await asyncio.sleep(left)


async def test_all_processes_count_together(redis: RedisServer) -> None:
    limits = Limits(requests_per_minute=10)
    async with processes(redis, 2) as both:
        got = await asyncio.gather(*(admitted(both[number % 2], limits) for number in range(15)))
        assert sum(1 for one in got if isinstance(one, Claim)) == 10
        assert [one for one in got if isinstance(one, str)] == [REQUESTS] * 5


async def test_redis_hears_of_an_end_only_where_it_changes_something(redis: RedisServer) -> None:
    async with processes(redis, 1) as (counts,):
        claim = await admitted(counts, Limits(requests_per_minute=10))
        assert isinstance(claim, Claim)
        with redis.client as client:
            before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            counts.end(claim, 10)
            await asyncio.sleep(0.1)
            assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before


async def test_answers_at_once_are_shared_and_come_back(redis: RedisServer) -> None:
    limits = Limits(max_concurrency=3)
    async with processes(redis, 2) as (first, second):
        claims = [await admitted(counts, limits) for counts in (first, second, first, second)]
        assert claims[3] == CONCURRENCY
        assert isinstance(claims[1], Claim)
        second.end(claims[1], 0)
        with redis.client as client:
            await until(lambda: client.zcard(RUNNING) == 2)
        assert isinstance(await admitted(first, limits), Claim)
        assert await admitted(first, limits) == CONCURRENCY


async def test_a_refused_request_takes_nothing(redis: RedisServer) -> None:
    limits = Limits(max_concurrency=1, requests_per_minute=100)
    async with processes(redis, 1) as (counts,):
        assert isinstance(await admitted(counts, limits), Claim)
        for _ in range(5):
            assert await admitted(counts, limits) == CONCURRENCY
        with redis.client as client:
            assert client.hget(MINUTE, "requests") == b"1"


async def test_tokens_are_shared_and_corrected(redis: RedisServer) -> None:
    await away_from_the_edge()
    limits = Limits(tokens_per_minute=100)
    async with processes(redis, 2) as (first, second):
        claim = Claim("a", limits)
        await first.admit(claim)
        taken = await first.take_tokens(claim, 80)
        assert taken.tokens is not None
        assert taken.tokens.used == 80
        other = Claim("a", limits)
        seen = await second.admit(other)
        assert seen.tokens == taken.tokens or (seen.tokens is not None and seen.tokens.used == 80)
        refused = await second.take_tokens(other, 21)
        assert refused.refused_by == TOKENS
        assert 0 < refused.wait <= 120
        first.end(claim, 30)
        with redis.client as client:
            await until(lambda: client.hget(MINUTE, "tokens") == b"30")
        assert (await second.take_tokens(other, 70)).refused_by == ""
        second.end(other, 90)
        with redis.client as client:
            await until(lambda: client.hget(MINUTE, "tokens") == b"120")


@pytest.mark.parametrize("minutes", [0, 1, 2])
async def test_redis_counts_as_the_counter_of_one_process_does(redis: RedisServer, minutes: int) -> None:
    """What is in Redis is made some minutes old; then both must say the same."""
    await away_from_the_edge()
    limits = Limits(requests_per_minute=20, tokens_per_minute=1000)
    minute = int(time.time() // 60)
    with redis.client as client:
        values = {"minute": minute - minutes, "requests_before": 4, "requests": 12, "tokens_before": 0, "tokens": 500}
        client.hset(MINUTE, mapping=values)
    mirror = SlidingCounter(minute - minutes, 4, 12)
    async with processes(redis, 1) as (counts,):
        verdict = await counts.admit(Claim("a", limits))
        expected = mirror.level(time.time())
        assert verdict.requests is not None
        assert verdict.tokens is not None
        assert verdict.requests.used == pytest.approx(expected.used + 1, abs=1)
        assert verdict.tokens.used == pytest.approx(
            {0: 500, 1: 500 * (1 - time.time() % 60 / 60), 2: 0}[minutes], abs=20
        )


async def test_what_a_dead_process_held_comes_free(redis: RedisServer) -> None:
    limits = Limits(max_concurrency=1)
    async with processes(redis, 2) as (dead, alive):
        assert isinstance(await admitted(dead, limits), Claim)
        with redis.client as client:
            assert await admitted(alive, limits) == CONCURRENCY
            assert 0 < client.ttl(RUNNING) <= LEASE_SECONDS
            (lease,) = client.zrange(RUNNING, 0, -1)
            client.zadd(RUNNING, {lease: time.time() - 1})
        assert isinstance(await admitted(alive, limits), Claim)


async def test_a_lease_is_renewed_as_long_as_its_answer_lasts(redis: RedisServer) -> None:
    limits = Limits(max_concurrency=1)
    async with processes(redis, 1) as (counts,):
        claim = await admitted(counts, limits)
        assert isinstance(claim, Claim)
        with redis.client as client:
            client.flushall()
            await counts.renew()
            assert client.zcard(RUNNING) == 1
            assert await admitted(counts, limits) == CONCURRENCY
            counts.end(claim, 0)
            await until(lambda: client.zcard(RUNNING) == 0)
            await counts.renew()
            assert client.zcard(RUNNING) == 0


@pytest.mark.parametrize("seconds", [0.0, 0.05], ids=["at once", "later"])
async def test_a_request_that_leaves_while_redis_thinks_holds_nothing(redis: RedisServer, seconds: float) -> None:
    limits = Limits(max_concurrency=1)
    async with processes(redis, 1) as (counts,):
        with redis.frozen():
            await leave(asyncio.create_task(admitted(counts, limits)), seconds)
        assert counts.running("a") == 0
        await until_all_is_told(counts)
        assert isinstance(await admitted(counts, limits), Claim)


async def test_an_admission_that_redis_carries_out_after_its_end_holds_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two go over connections of their own, which may be of different speed."""
    limits, late = Limits(max_concurrency=1), list[tuple[str, Call]]()
    async with processes(redis, 1) as (counts,):
        run = counts._link.run

        async def never_arrive(script: str, call: Call) -> Reply:
            late.append((script, call))
            never: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            return await never

        with monkeypatch.context() as patch:
            patch.setattr(counts._link, "run", never_arrive)
            await leave(asyncio.create_task(admitted(counts, limits)))
        await until_all_is_told(counts)
        await run(*late[0])
        with redis.client as client:
            assert client.zcard(RUNNING) == 0
            assert 0 < max(client.ttl(key) for key in client.keys("*:ended:*")) <= LEASE_SECONDS
        assert isinstance(await admitted(counts, limits), Claim)


async def test_a_request_that_only_redis_let_in_holds_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was late, and this process has no place: it knows of an answer that Redis has lost."""
    limits = Limits(max_concurrency=1)
    async with processes(redis, 1) as (counts,):
        claim = await admitted(counts, limits)
        with redis.client as client:
            client.flushall()
        with monkeypatch.context() as patch:
            patch.setattr(counts._link, "run", losing_the_answer(counts._link.run))
            assert await admitted(counts, limits) == CONCURRENCY
        end(counts, claim, 0)
        await until_all_is_told(counts)
        assert isinstance(await admitted(counts, limits), Claim)


async def test_an_answer_that_ends_while_its_lease_is_renewed_holds_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, may_go = Limits(max_concurrency=1), asyncio.Event()
    async with processes(redis, 1) as (counts,):
        claim = await admitted(counts, limits)
        run_all = counts._link.run_all

        async def run_late(script: str, calls: Iterable[Call]) -> None:
            await may_go.wait()
            await run_all(script, calls)

        with monkeypatch.context() as patch:
            patch.setattr(counts._link, "run_all", run_late)
            renewing = asyncio.create_task(counts.renew())
            await asyncio.sleep(0)
        end(counts, claim, 0)
        await until_all_is_told(counts)
        may_go.set()
        await renewing
        await until_all_is_told(counts)
        assert isinstance(await admitted(counts, limits), Claim)


async def leave(asking: asyncio.Task[Claim | str], seconds: float = 0.0) -> None:
    """Lets it ask for so long, and cancels it, as a client does that goes away."""
    await asyncio.sleep(seconds)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def until_all_is_told(counts: SharedCounts) -> None:
    """Redis knows of every end."""
    await until(lambda: counts.sharing.is_up and not counts._ended and not counts._telling)


async def test_no_interleaving_lets_more_in_and_everything_comes_back() -> None:
    limits = Limits(max_concurrency=4, requests_per_minute=10**6)
    most, running = 0, 0
    # A server of its own: what another test left on its way may still come.
    with redis_server() as redis:
        async with processes(redis, 3) as several:

            async def work(number: int) -> None:
                nonlocal most, running
                counts = several[number % 3]
                claim = await admitted(counts, limits)
                if isinstance(claim, Claim):
                    running += 1
                    most = max(most, running)
                    await asyncio.sleep(0.001 * (number % 7))
                    running -= 1
                    counts.end(claim, 0)

            for _ in range(10):
                await asyncio.gather(*(work(number) for number in range(30)))
            assert 1 <= most <= 4
            with redis.client as client:
                await until(lambda: client.zcard(RUNNING) == 0)
            assert [counts.running("a") for counts in several] == [0, 0, 0]


# When Redis is lost


async def test_a_redis_that_is_gone_leaves_each_process_its_own_count_and_is_taken_back() -> None:
    limits = Limits(requests_per_minute=10, max_concurrency=8)
    with redis_server() as redis, captured_log() as log:
        async with processes(redis, 1) as (counts,):
            claims = [await admitted(counts, limits) for _ in range(6)]
            redis.kill()
            claims += [await admitted(counts, limits) for _ in range(3)]
            assert claims[8] == CONCURRENCY, "it goes on with what it knows"
            assert not counts.sharing.is_up
            ended = [claim for claim in claims if isinstance(claim, Claim)]
            for claim in ended[:5]:
                counts.end(claim, 0)
            await admitted(counts, limits)
            await admitted(counts, limits)
            assert await admitted(counts, limits) == REQUESTS
            redis.start()
            await until(lambda: counts.sharing.is_up)
            with redis.client as client:
                await until(lambda: client.zcard(RUNNING) == 5)
            assert counts.sharing.losses == 1
    assert len(log.entries("redis is lost, each process limits for itself")) == 1
    assert len(log.entries("redis is back, limits are shared again")) == 1


async def test_tokens_are_never_counted_twice_and_never_in_a_later_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    await away_from_the_edge()
    limits = Limits(tokens_per_minute=1000, max_concurrency=10)
    with redis_server() as redis:
        async with processes(redis, 1) as (counts,):
            link, claims = counts._link, [await admitted(counts, limits) for _ in range(3)]
            run_all = link.run_all

            async def run_and_lose_the_answer(script: str, calls: Iterable[Call]) -> None:
                await run_all(script, calls)
                raise LinkLostError

            with monkeypatch.context() as patch:
                patch.setattr(link, "run_all", run_and_lose_the_answer)
                end(counts, claims[0], 30)
                await asyncio.sleep(0.05)
            end(counts, claims[1], 7)
            with redis.client as client:
                await until(lambda: client.zcard(RUNNING) == 1)
                assert client.hget(MINUTE, "tokens") == b"37"
                link.is_up = False
                end(counts, claims[2], 500)
                link.is_up = True
                link.on_return()
                await until(lambda: client.zcard(RUNNING) == 0)
                assert client.hget(MINUTE, "tokens") == b"37"


async def test_an_end_that_comes_just_when_the_others_have_been_told_is_told_too(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(redis, 1) as (counts,):
        link, claims = counts._link, [await admitted(counts, Limits(max_concurrency=10)) for _ in range(2)]
        run_all = link.run_all

        async def run_and_end_the_next(script: str, calls: Iterable[Call]) -> None:
            await run_all(script, calls)
            if claims:
                asyncio.get_running_loop().call_soon(end, counts, claims.pop(), 0)

        monkeypatch.setattr(link, "run_all", run_and_end_the_next)
        end(counts, claims.pop(), 0)
        with redis.client as client:
            await until(lambda: client.zcard(RUNNING) == 0)


async def test_tokens_of_which_redis_was_late_to_tell_are_not_counted_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await away_from_the_edge()
    async with processes(redis, 1) as (counts,):
        claim = await admitted(counts, Limits(tokens_per_minute=1000))
        assert isinstance(claim, Claim)
        with monkeypatch.context() as patch:
            patch.setattr(counts._link, "run", losing_the_answer(counts._link.run))
            await counts.take_tokens(claim, 80)
        end(counts, claim, 90)
        await until_all_is_told(counts)
        with redis.client as client:
            assert client.hget(MINUTE, "tokens") == b"80"


def losing_the_answer(run: Callable[[str, Call], Awaitable[Reply]]) -> Callable[[str, Call], Awaitable[Reply]]:
    """Redis does what it is asked, and its answer is late."""

    async def run_and_lose(script: str, call: Call) -> Reply:
        await run(script, call)
        raise LinkLostError

    return run_and_lose


def end(counts: Counts, claim: Claim | str, tokens: int) -> None:
    assert isinstance(claim, Claim)
    counts.end(claim, tokens)


async def test_nobody_waits_longer_than_the_time_that_is_set(redis: RedisServer) -> None:
    limits, times = Limits(requests_per_minute=1000), list[float]()
    async with AsyncExitStack() as stack:
        counts = SharedCounts(RedisLink(redis.url, 0.2, ping_seconds=0.05), LocalCounts())
        await stack.enter_async_context(counts.opened())
        with redis.frozen():
            for _ in range(50):
                started = time.monotonic()
                assert isinstance(await admitted(counts, limits), Claim)
                times.append(time.monotonic() - started)
        assert sum(times) < 1.5, "the first waits, no other does"
        await until(lambda: counts.sharing.is_up)


async def test_a_process_that_was_busy_itself_does_not_take_redis_for_lost(redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        counts = SharedCounts(RedisLink(redis.url, 0.1, ping_seconds=0.05), LocalCounts())
        await stack.enter_async_context(counts.opened())
        asking = asyncio.create_task(admitted(counts, Limits(requests_per_minute=1000)))
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251 - the event loop shall be late
        assert isinstance(await asking, Claim)
        assert counts.sharing.is_up
        assert counts.sharing.losses == 0


async def test_a_redis_that_is_down_at_the_start_is_used_when_it_comes() -> None:
    redis = RedisServer()
    limits = Limits(max_concurrency=1)
    try:
        async with processes(redis, 2) as (first, second):
            assert isinstance(await admitted(first, limits), Claim)
            assert isinstance(await admitted(second, limits), Claim)
            redis.start()
            await until(lambda: first.sharing.is_up and second.sharing.is_up)
            with redis.client as client:
                await until(lambda: client.zcard(RUNNING) == 2)
            assert await admitted(first, limits) == CONCURRENCY
    finally:
        redis.kill()


async def test_the_settings_decide_who_counts(redis: RedisServer) -> None:
    assert isinstance(open_counts(LimitsSettings())[0], LocalCounts)
    counts, _ = open_counts(LimitsSettings(redis=redis.url, redis_timeout_seconds=SECONDS))
    assert isinstance(counts, SharedCounts)
    async with counts.opened():
        assert isinstance(await admitted(counts, Limits(requests_per_minute=1)), Claim)


def test_a_url_with_a_password_is_not_logged() -> None:
    async def lose() -> Log:
        with captured_log() as log:
            link = RedisLink("redis://user:secret-word@127.0.0.1:1/0", 0.2, ping_seconds=0.05)
            async with link.opened():
                assert not link.is_up
        return log

    log = asyncio.run(lose())
    assert log.lines
    assert "secret-word" not in "\n".join(log.lines)
