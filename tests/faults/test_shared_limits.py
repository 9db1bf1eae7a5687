"""Two gateway processes that share the limits of a key in a real Redis, which is killed while they have traffic."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import aiohttp
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.redis import RedisServer, redis_server
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream

REQUEST: JSONObject = {"model": "up/model", "input": "Hi", "stream": True}
LOST, BACK = "redis is lost, each process limits for itself", "redis is back, limits are shared again"


@asynccontextmanager
async def pair(
    folder: Path, redis: RedisServer | None, **limits: object
) -> AsyncIterator[tuple[list[GatewayProcess], Upstream]]:
    """Two gateways with these limits, shared in Redis or in a file, and the upstream of both."""
    where = {"redis": redis.url} if redis is not None else {"budgets_file": str(folder / "budgets.json")}
    sections = {"limits": {"redis_timeout_seconds": 2, **where, **limits}}
    for name in ("one", "two"):
        (folder / name).mkdir()
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hello")))
        providers = [{"name": "up", "base_url": upstream.base_url}]
        async with (
            running_gateway(folder / "one", providers, sections=sections) as one,
            running_gateway(folder / "two", providers, sections=sections) as two,
        ):
            yield [one, two], upstream
            for gateway in (one, two):
                await asyncio.to_thread(gateway.stop_cleanly)


async def ask(session: aiohttp.ClientSession, gateway: GatewayProcess) -> tuple[int, float, dict[str, str]]:
    """The status, how long it took, and the headers of an answer that is read to its end."""
    started = time.monotonic()
    async with session.post(f"{gateway.base_url}/responses", json=REQUEST, headers=gateway.headers) as answer:
        await answer.read()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, time.monotonic() - started, headers


def lines(gateways: Sequence[GatewayProcess], message: str) -> list[int]:
    """How often each has logged it."""
    return [sum(f'"{message}"' in line for line in gateway.lines) for gateway in gateways]


async def test_two_processes_let_in_as_much_as_one(tmp_path: Path) -> None:
    with redis_server() as redis:
        async with pair(tmp_path, redis, requests_per_minute=20) as (gateways, _), aiohttp.ClientSession() as session:
            answers = await asyncio.gather(*(ask(session, gateways[number % 2]) for number in range(30)))
            assert Counter(status for status, _, _ in answers) == {200: 20, 429: 10}
            left = sorted(int(headers["x-ratelimit-remaining-requests"]) for _, _, headers in answers)
            assert left == [0] * 11 + list(range(1, 20)), "each was told another rest"


@pytest.mark.case("T11")
async def test_exactly_so_many_streams_run_at_once_in_both(tmp_path: Path) -> None:
    with redis_server() as redis:
        async with pair(tmp_path, redis, max_concurrency=6) as (gateways, upstream), aiohttp.ClientSession() as session:
            upstream.answer(Script.of(chat.chunk({"content": "a"}), 1.0, chat.ending()))
            answers = await asyncio.gather(*(ask(session, gateways[number % 2]) for number in range(10)))
            assert Counter(status for status, _, _ in answers) == {200: 6, 429: 4}
            upstream.answer(Script.of(chat.text_stream("Hello")))
            async with asyncio.timeout(WAIT):
                while True:
                    if (await ask(session, gateways[0]))[0] == 200:
                        break


async def test_redis_dies_and_comes_back_in_the_middle_of_traffic(tmp_path: Path) -> None:
    """Nobody gets an error, nobody waits long, and the log has one line for either."""
    with redis_server() as redis:
        async with (
            pair(tmp_path, redis, requests_per_minute=10**6, tokens_per_minute=10**9, max_concurrency=50) as (
                gateways,
                _,
            ),
            aiohttp.ClientSession() as session,
        ):
            is_over = asyncio.Event()

            answers = list[tuple[int, float, dict[str, str]]]()

            async def traffic(gateway: GatewayProcess) -> None:
                while not is_over.is_set():
                    answers.append(await ask(session, gateway))

            async def until_answered(number: int) -> None:
                async with asyncio.timeout(3 * WAIT):
                    while True:
                        if len(answers) >= number:
                            return
                        await asyncio.sleep(0.02)

            workers = [asyncio.create_task(traffic(gateways[number % 2])) for number in range(8)]
            await until_answered(20)
            await asyncio.to_thread(redis.kill)
            for gateway in gateways:
                await gateway.wait_for_line(LOST)
            await until_answered(len(answers) + 20)
            await asyncio.to_thread(redis.start)
            for gateway in gateways:
                await gateway.wait_for_line(BACK)
            await until_answered(len(answers) + 20)
            is_over.set()
            await asyncio.gather(*workers)
            assert {status for status, _, _ in answers} == {200}
            assert max(seconds for _, seconds, _ in answers) < 5, "a usual answer takes some milliseconds"
            assert lines(gateways, LOST) == lines(gateways, BACK) == [1, 1]
            with redis.client as client:
                key = client.keys("responses-gateway:*:minute")[0]
                assert int(client.hget(key, "requests") or 0) > 0, "it counts again"


async def test_limits_hold_for_each_process_while_redis_is_gone(tmp_path: Path) -> None:
    with redis_server() as redis:
        async with pair(tmp_path, redis, requests_per_minute=10) as (gateways, _), aiohttp.ClientSession() as session:
            await asyncio.to_thread(redis.kill)
            answers = await asyncio.gather(*(ask(session, gateways[number % 2]) for number in range(30)))
            assert Counter(status for status, _, _ in answers) == {200: 20, 429: 10}
            refusal = next(headers for status, _, headers in answers if status == 429)
            assert 1 <= int(refusal["retry-after"]) <= 121
            assert refusal["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize("where", ["redis", "file"])
async def test_what_was_spent_at_one_is_known_at_the_other_and_after_a_restart(tmp_path: Path, where: str) -> None:
    with redis_server() if where == "redis" else nullcontext() as redis:
        async with pair(tmp_path, redis, tokens_per_day=18) as (gateways, _), aiohttp.ClientSession() as session:
            assert (await ask(session, gateways[0]))[0] == 200
            assert (await ask(session, gateways[0]))[0] == 429
            async with asyncio.timeout(WAIT):
                while True:
                    if (await ask(session, gateways[1]))[0] == 429:
                        break
        (tmp_path / "later").mkdir()
        async with (
            pair(tmp_path / "later", redis, **_same(tmp_path)) as (gateways, upstream),
            aiohttp.ClientSession() as session,
        ):
            assert [(await ask(session, gateway))[0] for gateway in gateways] == [429, 429]
            assert not upstream.received


def _same(folder: Path) -> dict[str, object]:
    """The limits of the first pair, with its file."""
    return {"tokens_per_day": 18, "budgets_file": str(folder / "budgets.json")}
