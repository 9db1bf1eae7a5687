import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from aiohttp import web

from gateway.exchange.outcome import Outcome
from gateway.settings import ServerSettings
from gateway.web.event_stream import EventStream
from gateway.web.stall import StallWatch, _in_kernel, dropped_when_stalled
from gateway.web.visit import VISIT
from tests.fakes.upstream import WAIT
from tests.fakes.visits import visit

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Server:
    """Writes to each client without end, under a watch, and knows how it ended."""

    def __init__(self, *, pieces: int = 100_000, pause: float = 0.0, limit: float = 0.2) -> None:
        self.pieces, self.pause, self.limit = pieces, pause, limit
        self.outcome = Outcome()
        self.over = asyncio.Event()

    async def respond(self, request: web.Request) -> web.StreamResponse:
        request[VISIT] = visit(outcome=self.outcome)
        response = web.StreamResponse()
        try:
            async with dropped_when_stalled(request, self.limit):
                await response.prepare(request)
                for _ in range(self.pieces):
                    await response.write(bytes(10_000))
                    if self.pause:
                        await asyncio.sleep(self.pause)
        finally:
            self.over.set()
        return response

    async def beat(self, request: web.Request) -> web.StreamResponse:
        """A stream of nothing but heartbeats, each larger than every buffer."""
        request[VISIT] = visit(outcome=self.outcome)
        settings = ServerSettings(heartbeat_seconds=0.02, write_stall_seconds=self.limit)
        stream = EventStream(request, settings, lambda: bytes(30_000_000))
        try:
            await stream.start(b"x", [])
            await asyncio.sleep(WAIT)
        finally:
            stream.end_heartbeat()
            self.over.set()
        return stream

    async def listen(self, path: str) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/", self.respond)
        app.router.add_get("/beat", self.beat)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        return runner


async def reads(path: str, *, every: float | None, request: bytes = GET) -> int:
    """The bytes that a client gets which reads a little now and then, or nothing until it is dropped."""
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    loop, total = asyncio.get_running_loop(), 0
    with client, suppress(ConnectionError, TimeoutError):
        client.connect(path)
        await loop.sock_sendall(client, request)
        async with asyncio.timeout(1.2):
            while piece := await loop.sock_recv(client, 20_000):
                total += len(piece)
                await asyncio.sleep(10 if every is None else every)
    return total


@pytest.mark.parametrize("request_line", [GET, GET.replace(b"/ ", b"/beat ")])
async def test_a_client_that_takes_nothing_is_dropped(tmp_path: Path, request_line: bytes) -> None:
    server = Server()
    runner = await server.listen(str(tmp_path / "socket"))
    reading = asyncio.create_task(reads(str(tmp_path / "socket"), every=None, request=request_line))
    async with asyncio.timeout(WAIT):
        await server.over.wait()
    assert server.outcome.termination == "client_stalled"
    reading.cancel()
    await runner.cleanup()


async def test_a_client_that_takes_a_little_now_and_then_is_not_dropped(tmp_path: Path) -> None:
    server = Server()
    runner = await server.listen(str(tmp_path / "socket"))
    assert await reads(str(tmp_path / "socket"), every=0.05) > 100_000
    assert server.outcome.termination is None
    await runner.cleanup()


async def test_a_client_that_has_taken_everything_may_wait(tmp_path: Path) -> None:
    server = Server(pieces=8, pause=0.1, limit=0.05)
    runner = await server.listen(str(tmp_path / "socket"))
    assert await reads(str(tmp_path / "socket"), every=0.0) > 80_000
    assert server.outcome.termination is None
    await runner.cleanup()


async def test_a_client_that_has_left_is_no_stall() -> None:
    class Gone:
        transport = None

    watch = StallWatch(Gone(), 0.0)  # type: ignore[arg-type]
    assert not watch.look()


async def test_a_system_that_does_not_say_what_it_holds_is_trusted(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert _in_kernel(FileTransport(file)) == 0


class FileTransport(asyncio.WriteTransport):
    """A transport to something that knows no queue."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__({"socket": file})


def test_the_longest_pause_between_looks_is_a_part_of_the_limit() -> None:
    async def pause(limit: float) -> float:
        return StallWatch(None, limit).pause  # type: ignore[arg-type]

    assert asyncio.run(pause(30)) == 1
    assert asyncio.run(pause(0.001)) == 0.01
