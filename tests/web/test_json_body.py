"""Large bodies: their work is done in steps, so that other streams get their turn in between."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import orjson

from gateway.codec.json import loads
from tests.fakes import chat
from tests.fakes.local_gateway import LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.web.gateways import REQUEST

TEXT = "words and words " * 1_000_000


def time_of_parsing(body: bytes) -> float:
    """The shortest of some tries, in seconds of this thread: what cannot be done in smaller steps."""
    times = []
    for _ in range(5):
        started = time.thread_time()
        loads(body)
        times.append(time.thread_time() - started)
    return min(times)


async def longest_step(is_over: asyncio.Event) -> float:
    """The longest time that this thread has worked between two turns of the event loop."""
    longest, last = 0.0, time.thread_time()
    while not is_over.is_set():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    return longest


async def sent_in_pieces(gateway: LocalGateway, body: bytes) -> int:
    """The status of the answer; the client shares the event loop, and its steps must be short too."""

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    async with (
        asyncio.timeout(WAIT),
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.post(f"{gateway.base_url}/responses", data=pieces()) as answer,
    ):
        await answer.read()
        return answer.status


async def test_no_step_of_a_large_body_is_much_longer_than_its_parsing() -> None:
    """Its parts were counted, parsed, translated and written again in one go, which took five to six times as long."""
    body = orjson.dumps(REQUEST | {"input": TEXT, "store": False})
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url)) as gateway:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        is_over = asyncio.Event()
        watching = asyncio.create_task(longest_step(is_over))
        assert await sent_in_pieces(gateway, body) == 200
        is_over.set()
        assert await watching < 3.5 * time_of_parsing(body)
        assert upstream.last.json["messages"][0]["content"] == TEXT
