"""Limits that a reload changes, by a real signal to a real process that has traffic, alone and with a shared Redis.

New limits hold for the next request, what runs goes on, what was counted stays counted, and other keys notice nothing.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from gateway.access.issuing import add_key
from gateway.codec.json import JSONObject
from gateway.settings import KeyLimits
from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.redis import redis_server
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream

QUICK = Script.of(chat.text_stream("Hi"))
TOKENS = chat.USAGE["prompt_tokens"] + chat.USAGE["completion_tokens"]
"""Of one answer."""


@dataclass(slots=True)
class Place:
    """A gateway process whose `[limits]` change, and a key that they are for."""

    gateway: GatewayProcess
    upstream: Upstream
    folder: Path
    fixed: JSONObject
    key: str
    session: aiohttp.ClientSession

    async def limit(self, **limits: int) -> None:
        """Writes them, sends HUP, and returns as soon as the log says that they are in force."""
        tables = {"providers": [provider(self.upstream)], "limits": self.fixed | limits}
        new = self.folder / "gateway.toml.new"
        new.write_text(tomli_w.dumps(tables))
        new.replace(self.folder / "gateway.toml")
        await self.hup()

    async def hup(self) -> None:
        since = len(self.gateway.lines)
        self.gateway.process.send_signal(signal.SIGHUP)
        await self.gateway.wait_for_line('"configuration loaded"', since=since)

    async def ask(self, key: str = "", text: str = "Hi") -> tuple[int, str]:
        """The status of an answer that is read to its end, and the code of a refusal."""
        request = {"model": "up/model", "input": text, "stream": True}
        headers = {"Authorization": f"Bearer {key or self.key}"}
        url = f"{self.gateway.base_url}/responses"
        async with self.session.post(url, json=request, headers=headers) as answer:
            body = await answer.read()
            if answer.status != 200:
                return answer.status, (await answer.json())["error"]["code"]
            assert b"response.completed" in body
            return 200, ""

    async def asked(self, times: int) -> Counter[str]:
        """So many requests, one after the other, by how they ended."""
        answers = [await self.ask() for _ in range(times)]
        return Counter(code or str(status) for status, code in answers)


def provider(upstream: Upstream) -> JSONObject:
    return {"name": "up", "base_url": upstream.base_url}


@asynccontextmanager
async def place(folder: Path, where: str, **limits: int) -> AsyncIterator[Place]:
    """While the block runs, a key without limits has traffic all the time, of which nothing may fail."""
    with ExitStack() as stack:
        fixed: JSONObject = {"budgets_file": str(folder / "budgets.json")}
        if where == "redis":
            fixed = {"redis": stack.enter_context(redis_server()).url, "redis_timeout_seconds": 2}
        keys = folder / "keys.toml"
        none = KeyLimits(requests_per_minute=0, tokens_per_minute=0, max_concurrency=0, tokens_per_day=0)
        key, other = add_key(keys, "limited"), add_key(keys, "other", limits=none)
        async with running_upstream() as upstream, aiohttp.ClientSession() as session:
            upstream.answer(QUICK)
            sections = {"limits": fixed | limits}
            async with running_gateway(folder, [provider(upstream)], sections=sections) as gateway:
                here = Place(gateway, upstream, folder, fixed, key, session)
                is_over = asyncio.Event()
                others = [asyncio.create_task(traffic(here, other, is_over)) for _ in range(3)]
                yield here
                is_over.set()
                assert min(await asyncio.gather(*others)) > 0
                await asyncio.to_thread(gateway.stop_cleanly)


async def traffic(here: Place, key: str, is_over: asyncio.Event) -> int:
    """How many requests of another key were answered."""
    count = 0
    while not is_over.is_set():
        assert await here.ask(key) == (200, "")
        count += 1
        await asyncio.sleep(0.02)
    return count


async def away_from_the_edge(where: str, seconds: float = 12) -> None:
    """A minute that ends in the middle of a test would give back some of what was counted in it."""
    clock = time.time() if where == "redis" else time.monotonic()
    if (left := 60 - clock % 60) < seconds:
        await asyncio.sleep(left)


WHERE = pytest.mark.parametrize("where", ["process", "redis"])


@WHERE
@pytest.mark.case("T11")
async def test_requests_that_were_counted_stay_counted(tmp_path: Path, where: str) -> None:
    async with place(tmp_path, where, requests_per_minute=30) as here:
        await away_from_the_edge(where)
        assert await here.asked(10) == {"200": 10}
        await here.limit(requests_per_minute=12)
        assert await here.asked(4) == {"200": 2, "rate_limit_exceeded": 2}
        await here.limit(requests_per_minute=15)
        assert await here.asked(4) == {"200": 3, "rate_limit_exceeded": 1}
        await here.limit()
        assert await here.asked(4) == {"200": 4}


@WHERE
@pytest.mark.case("T11")
async def test_streams_go_on_beyond_a_limit_that_became_lower(tmp_path: Path, where: str) -> None:
    slow = Script.of(chat.chunk({"content": "a"}), 2.0, chat.text_stream("b"))
    async with place(tmp_path, where, max_concurrency=3) as here:
        here.upstream.respond(lambda body: slow if "slow" in str(body) else QUICK)
        running = [asyncio.create_task(here.ask(text="slow")) for _ in range(3)]
        async with asyncio.timeout(WAIT):
            while sum(b"slow" in one.body for one in here.upstream.received) < 3:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        assert await here.ask() == (429, "rate_limit_exceeded")
        await here.limit(max_concurrency=1)
        assert await here.ask() == (429, "rate_limit_exceeded")
        await here.limit(max_concurrency=4)
        assert await here.ask() == (200, "")
        await here.limit(max_concurrency=1)
        assert await here.ask() == (429, "rate_limit_exceeded")
        assert not any(stream.done() for stream in running)
        assert await asyncio.gather(*running) == [(200, "")] * 3
        async with asyncio.timeout(WAIT):
            while await here.ask() != (200, ""):  # in Redis a place comes free a moment after the answer
                pass
        answers = await asyncio.gather(*(here.ask(text="slow") for _ in range(4)))
        assert Counter(status for status, _ in answers) == {200: 1, 429: 3}


@WHERE
@pytest.mark.case("T11")
async def test_what_was_spent_counts_for_another_budget(tmp_path: Path, where: str) -> None:
    async with place(tmp_path, where, tokens_per_day=100 * TOKENS) as here:
        assert await here.asked(3) == {"200": 3}
        await here.limit(tokens_per_day=3 * TOKENS)
        assert await here.asked(2) == {"insufficient_quota": 2}
        await here.limit(tokens_per_day=5 * TOKENS)
        assert await here.asked(4) == {"200": 2, "insufficient_quota": 2}


@WHERE
@pytest.mark.case("T11")
async def test_a_limit_of_the_key_itself_goes_before(tmp_path: Path, where: str) -> None:
    async with place(tmp_path, where, requests_per_minute=5) as here:
        await away_from_the_edge(where)
        assert await here.asked(6) == {"200": 5, "rate_limit_exceeded": 1}
        own_limit(tmp_path / "keys.toml", 8)
        await here.hup()
        assert await here.asked(5) == {"200": 3, "rate_limit_exceeded": 2}


def own_limit(path: Path, requests: int) -> None:
    """The keys file, as an operator changes it."""
    text = path.read_text().replace('name = "limited"', f'name = "limited"\nrequests_per_minute = {requests}')
    path.write_text(text)
