"""Faults of many clients at once (C7, C10, C15): all leave, all stop reading, all stay idle."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.local_gateway import provider_table
from tests.fakes.log import Log
from tests.fakes.ports import free_port
from tests.fakes.raw import EVENTS_HEAD, RawStep, chunked, http, raw_upstream, reset
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, REQUEST, Scene, posted, scene
from tests.faults.shared_gateway import SHARED, Gateway

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CROWD = 1000
STALLED = 500
IDLE = 10_000
MEGABYTE = 2**20


async def crowd_leaves(place: Scene) -> float:
    """Clients in the middle of their streams reset all their connections; the seconds until no trace is left."""
    seen = len(place.upstream.received)
    writers = []
    for _ in range(CROWD):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.gateway.port)
        writer.write(posted())
        writers.append((reader, writer))
    async with asyncio.timeout(WAIT * 3):
        await asyncio.gather(*(reader.readuntil(b"output-marker") for reader, _ in writers))
    assert await place.gateway.metric("gateway_streams_open") == CROWD
    left_at = time.monotonic()
    for _, writer in writers:
        reset(writer)
    async with asyncio.timeout(WAIT * 3):
        await asyncio.gather(*(received.left.wait() for received in place.upstream.received[seen:]))
    await place.gateway.wait_for_requests(0)
    return time.monotonic() - left_at


@pytest.mark.alone
@pytest.mark.case("C7")
async def test_a_thousand_clients_that_leave_at_once_leave_nothing_behind(figures: Figures) -> None:
    async with scene(FIRST, "hang") as place:
        await crowd_leaves(place)  # the first crowd makes the process as large as it must be
        tasks, descriptors, memory = await taken(place.gateway)
        seconds = await crowd_leaves(place)
        after = await taken(place.gateway)
        figures.note("C7", f"{CROWD:,} upstream calls cancelled after", seconds, "s")
        figures.note("C7", "memory", (after[2] - memory) / MEGABYTE, "MiB")
        assert abs(after[0] - tasks) <= 2
        assert abs(after[1] - descriptors) <= 2
        assert after[2] - memory < 5 * MEGABYTE
        await place.gateway.log.request_line(2 * CROWD - 1)
        terminations = [entry["termination"] for entry in place.gateway.log.entries()]
        assert terminations == ["client_gone"] * 2 * CROWD


async def taken(gateway: Gateway) -> tuple[int, int, int]:
    """Tasks, descriptors and bytes of memory."""
    return await gateway.tasks(), gateway.descriptors(), gateway.memory()


FLOOD: tuple[RawStep, ...] = (EVENTS_HEAD, *([chunked(chat.chunk({"content": "x" * 1000}) * 20)] * 1000), "hang")
"""20 MB of deltas."""
PACED = Script.of(FIRST, *[step for _ in range(500) for step in (0.02, chat.chunk({"content": "b"}))])


@pytest.mark.alone
@pytest.mark.case("C10")
async def test_a_crowd_that_stops_reading_is_held_in_bounds_and_others_go_on(figures: Figures) -> None:
    async with raw_upstream(FLOOD) as flooding, running_upstream() as paced:
        paced.answer(PACED)
        # The flood keeps the fake upstream, too, from taking the connections of the others in time.
        flood = provider_table(flooding.base_url, connect_timeout_seconds=WAIT)
        providers = flood, provider_table(paced.base_url, name="paced")
        async with SHARED.configured(*providers, server={"write_stall_seconds": 4}) as gateway:
            memory = gateway.memory()
            with stalled_clients(gateway.port):
                await until_still(flooding.requests, STALLED)
                gap = await widest_gap(gateway, paced, seconds=1.0)
                buffered = await gateway.metric("gateway_buffered_bytes")
                grown = gateway.memory() - memory
                async with asyncio.timeout(WAIT * 2):
                    while len(ended(gateway)) < STALLED:  # noqa: ASYNC110 - the log tells nobody
                        await asyncio.sleep(0.05)
            assert set(ended(gateway)) == {"client_stalled"}
            figures.note("C10", "buffered for each", buffered / STALLED / 1024, "KiB")
            figures.note("C10", "memory for each, with the text of its answer", grown / STALLED / 1024, "KiB")
            figures.note("C10", "widest gap of others", gap * 1000, "ms")
            assert buffered / STALLED < 256 * 1024
            assert grown / STALLED < MEGABYTE
            assert gap < 1


def ended(gateway: Gateway) -> list[str]:
    """The endings of the streams at the flooding upstream."""
    return [entry["termination"] for entry in gateway.log.entries() if entry.get("provider") == "up"]


@contextmanager
def stalled_clients(port: int) -> Iterator[None]:
    """Clients that ask for a stream each and read nothing."""
    with ExitStack() as stack:
        for _ in range(STALLED):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(posted())
        yield


async def until_still(requests: list[bytes], number: int) -> None:
    """Wait until all have asked, and what the upstream sends has filled every buffer."""
    async with asyncio.timeout(WAIT * 2):
        while len(requests) < number:  # noqa: ASYNC110 - the list tells nobody
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)


async def widest_gap(gateway: Gateway, paced: Upstream, seconds: float) -> float:
    """Between two pieces of a stream that comes every 20 ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(posted(REQUEST | {"model": "paced/model"}))
    await paced.request()
    await reader.readuntil(b"output-marker")
    widest, last = 0.0, time.monotonic()
    end = last + seconds
    while last < end:
        await reader.readuntil(b"output_text.delta")
        now = time.monotonic()
        widest, last = max(widest, now - last), now
    reset(writer)
    await paced.last.wait_until_left()
    return widest


@asynccontextmanager
async def impatient_gateway(folder: Path) -> AsyncIterator[GatewayProcess]:
    """One that keeps idle connections for two seconds."""
    nowhere = {"name": "up", "base_url": f"http://127.0.0.1:{free_port()}/v1"}
    sections = {"server": {"keep_alive_seconds": 2}}
    async with running_gateway(folder, [nowhere], sections=sections) as gateway:
        yield gateway


@pytest.mark.alone
@pytest.mark.case("C15")
async def test_idle_connections_cost_little_and_are_closed(tmp_path: Path, figures: Figures) -> None:
    async with impatient_gateway(tmp_path) as gateway, crowd(gateway.port, 100) as first:
        seen = Gateway(gateway, 0, Log(gateway.lines))
        memory, descriptors = seen.memory(), seen.descriptors()
        async with crowd(gateway.port, IDLE) as others:
            each = (seen.memory() - memory) / IDLE
            figures.note("C15", "memory for each", each / 1024, "KiB")
            assert each < 40 * 1024
            async with asyncio.timeout(WAIT * 2):
                ends = await asyncio.gather(*(reader.read() for reader, _ in (*first, *others)))
                assert set(ends) == {b""}
                while seen.descriptors() > descriptors - 90:  # noqa: ASYNC110 - the process tells nobody
                    await asyncio.sleep(0.02)


@asynccontextmanager
async def crowd(port: int, number: int) -> AsyncIterator[list[Connection]]:
    """So many connections, all of them accepted; the last one has been served."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
    try:
        reader, writer = opened[-1]
        writer.write(http("GET", "/healthz"))
        await reader.readuntil(b"}")
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


@pytest.mark.case("C12")
async def test_a_head_that_dribbles_in_ends_with_its_connection(tmp_path: Path) -> None:
    async with impatient_gateway(tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        started = time.monotonic()
        dribble = asyncio.create_task(dribbled(writer, http("GET", "/healthz", headers=("X: " + "y" * 1000,))))
        async with asyncio.timeout(WAIT):
            assert await reader.read() == b""
        assert 1 < time.monotonic() - started < 4
        dribble.cancel()
        writer.close()


async def dribbled(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A byte at a time, never idle for long."""
    for at in range(len(data)):
        writer.write(data[at : at + 1])
        await asyncio.sleep(0.05)
