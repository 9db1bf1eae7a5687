"""More than the process bears: what is beyond its caps is turned away at once, and what is open goes on."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from tests.fakes import chat
from tests.fakes.local_gateway import provider_table
from tests.fakes.raw import reset
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, REQUEST, Scene, ask, posted
from tests.faults.shared_gateway import SHARED, Gateway

CAP = 200
BEYOND = 800
MEGABYTE = 2**20
PACED = Script.of(FIRST, *[step for _ in range(300) for step in (0.02, chat.chunk({"content": "b"}))])
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def capped(script: Script, **limits: object) -> AsyncIterator[Scene]:
    """A gateway with these caps."""
    async with running_upstream() as upstream:
        upstream.answer(script)
        async with SHARED.configured(provider_table(upstream.base_url), limits=limits) as gateway:
            yield Scene(gateway, upstream)


async def opened(gateway: Gateway, number: int) -> list[Client]:
    """Clients whose streams have begun."""
    clients = []
    for _ in range(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(posted())
        clients.append((reader, writer))
    async with asyncio.timeout(WAIT * 3):
        await asyncio.gather(*(reader.readuntil(b"output-marker") for reader, _ in clients))
    return clients


async def refusals(gateway: Gateway, number: int) -> list[float]:
    """The seconds that each of so many refusals takes, one after the other."""
    seconds = []
    for _ in range(number):
        started = time.monotonic()
        status, headers, body = await ask(gateway, REQUEST)
        seconds.append(time.monotonic() - started)
        assert (status, headers["retry-after"]) == (503, "1")
        assert orjson.loads(body)["error"]["code"] == "server_is_overloaded"
    return seconds


@pytest.mark.alone
@pytest.mark.case("X2")
async def test_streams_beyond_the_cap_are_refused_at_once_and_the_others_go_on(figures: Figures) -> None:
    async with capped(PACED, max_open_streams=CAP) as place:
        clients = await opened(place.gateway, CAP)
        memory = place.gateway.memory()
        seconds = await refusals(place.gateway, 50)
        crowd = await asyncio.gather(*(ask(place.gateway, REQUEST) for _ in range(BEYOND)))
        assert {status for status, _, _ in crowd} == {503}
        grown = (place.gateway.memory() - memory) / MEGABYTE
        figures.note("X2", "median refusal beside 200 streams", statistics.median(seconds) * 1000, "ms")
        figures.note("X2", "memory after 850 refusals", grown, "MiB")
        assert statistics.median(seconds) < 0.25
        assert grown < 30
        assert len(place.upstream.received) == CAP
        for reader, writer in clients:
            await asyncio.wait_for(reader.readuntil(b"output_text.delta"), WAIT)
            reset(writer)
        await place.gateway.wait_for_requests(0)
        assert (await opened_once(place.gateway))[0] == 200
        ends = [entry["termination"] for entry in place.gateway.log.entries()]
        assert (ends.count("shed"), ends.count("client_gone")) == (50 + BEYOND, CAP)


async def opened_once(gateway: Gateway) -> tuple[int, dict[str, str], bytes]:
    return await ask(gateway, REQUEST | {"stream": False})


@pytest.mark.case("X2")
async def test_bodies_beyond_the_cap_are_refused_by_their_length_and_as_they_arrive() -> None:
    limits = {"max_body_bytes_in_flight": 64 * MEGABYTE}
    large = orjson.dumps(REQUEST | {"input": "u" * 30 * MEGABYTE})
    async with capped(Script.of(FIRST, "hang"), **limits) as place:
        gateway = place.gateway
        holders = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(posted(large))
            await asyncio.wait_for(reader.readuntil(b"output-marker"), WAIT * 3)
            holders.append(writer)
        assert await gateway.metric("gateway_body_bytes") == 2 * len(large)
        started = time.monotonic()
        status, _, _ = await ask(gateway, large)
        assert status == 503
        assert time.monotonic() - started < WAIT
        assert await gateway.metric("gateway_refused_requests_total", limit="max_body_bytes_in_flight") == 1
        for writer in holders:
            reset(writer)
        await gateway.wait_for_requests(0)
        assert await gateway.metric("gateway_body_bytes") == 0


@pytest.mark.case("X2")
async def test_buffers_beyond_the_cap_let_nobody_in_until_they_are_read() -> None:
    flood = Script.of(FIRST, *[chat.chunk({"content": "x" * 1000}) * 100] * 200, "hang")
    async with capped(flood, max_buffered_bytes=20_000) as place:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.gateway.port, limit=2**16)
        writer.write(posted())
        async with asyncio.timeout(WAIT):
            while await place.gateway.metric("gateway_buffered_bytes") < 20_000:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert (await ask(place.gateway, REQUEST))[0] == 503
        drain = asyncio.create_task(reader.read(-1))
        place.upstream.answer(Script.of(chat.text_stream("Hello")))
        async with asyncio.timeout(WAIT):
            while (await ask(place.gateway, REQUEST))[0] != 200:  # noqa: ASYNC110 - the flood goes on for a while
                await asyncio.sleep(0.1)
        reset(writer)
        drain.cancel()
