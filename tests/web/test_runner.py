"""The server's own refusals; the corpus of malformed requests is in tests/faults/test_http.py."""

import asyncio
import socket
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from gateway.settings import ServerSettings
from gateway.web.event_stream import EventStream
from gateway.web.runner import GatewayRunner
from gateway.web.visit import VISIT
from tests.fakes.log import captured_log
from tests.fakes.raw import send
from tests.fakes.upstream import WAIT
from tests.fakes.visits import visit
from tests.official import check_error

FRAME = b"event: a\ndata: {}\n\n"
FAULT = "a request failed on a fault of the gateway"


async def answer_to(request: bytes, app: web.Application | None = None) -> tuple[bytes, list[str]]:
    """What a server without our middlewares answers, and its log."""
    runner = GatewayRunner(app or web.Application())
    runner.hurry()
    await runner.setup()
    with captured_log() as log:
        _, port = await runner.listen(ServerSettings(port=0))
        answer = await send(port, request)
        await runner.cleanup()
    return answer, log.lines


async def test_bytes_that_are_no_request_get_an_error_without_the_bytes() -> None:
    answer, lines = await answer_to(b"GET / HTTP/1.1\r\nAuthorization: Bearer sec\x00ret\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert b"Server" not in head
    assert b"nosniff" in head
    check_error(orjson.loads(body))
    assert b"ret" not in body
    assert len(lines) == 1
    assert '"count":1' in lines[0]
    assert "sec" not in lines[0].replace('"seconds"', "")


async def test_an_answer_that_is_there_at_once_goes_out_in_one_piece_and_no_word_waits_for_another() -> None:
    held: list[tuple[int, int]] = []

    def note(request: web.Request) -> None:
        assert request.transport is not None
        held.append((request.writer.output_size, request.transport.get_write_buffer_size()))

    async def at_once(request: web.Request) -> web.StreamResponse:
        request[VISIT] = visit()
        stream = EventStream(request, ServerSettings())
        await stream.start(FRAME, [])
        await stream.finish(FRAME)
        note(request)
        return stream

    async def slowly(request: web.Request) -> web.StreamResponse:
        request[VISIT] = visit()
        stream = EventStream(request, ServerSettings())
        await stream.start(FRAME, [])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        note(request)
        await stream.finish(FRAME)
        return stream

    for handler in (at_once, slowly):
        app = web.Application()
        app.router.add_get("/", handler)
        answer, _ = await answer_to(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", app)
        assert answer.count(FRAME) == 2
        assert answer.endswith(b"0\r\n\r\n")
    (all_written, all_held), (begun, begun_held) = held
    assert all_written == all_held > 0
    assert begun > begun_held == 0


async def fail(_request: web.Request) -> web.StreamResponse:
    raise ZeroDivisionError("secret")


async def fail_late(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun")
    raise ZeroDivisionError("secret")


@pytest.mark.parametrize("handler", [fail, fail_late])
async def test_a_fault_outside_of_the_middlewares_shows_nothing_of_itself(handler: object) -> None:
    app = web.Application()
    app.router.add_get("/", handler)  # type: ignore[arg-type]
    answer, lines = await answer_to(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", app)
    assert answer.count(b"HTTP/1.1") == 1
    assert (b" 500 " in answer) is (handler is fail)
    assert b"secret" not in answer
    assert FAULT in lines[0]
    assert "secret" not in lines[0]


async def test_a_client_that_reads_nothing_has_little_waiting_in_the_kernel() -> None:
    """The handler writes until the connection takes no more: what the kernel has is then all that nobody can see."""
    kept: list[int] = []

    async def flood(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        transport = request.transport
        assert transport is not None
        while len(kept) < 5:  # it is still the same after some rests
            if transport.get_write_buffer_size() < 65_536:
                await answer.write(bytes(16_384))
            else:
                kept.append(request.writer.output_size - transport.get_write_buffer_size())
                await asyncio.sleep(0.02)
        return answer

    app = web.Application()
    app.router.add_get("/", flood)
    runner = GatewayRunner(app)
    runner.hurry()
    await runner.setup()
    _, port = await runner.listen(ServerSettings(port=0))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(WAIT):
            while len(kept) < 5:  # noqa: ASYNC110 - the list tells nobody
                await asyncio.sleep(0.01)
    await runner.cleanup()
    assert kept[-1] < 200_000


async def test_an_address_that_is_taken_is_an_error_of_the_system() -> None:
    first, second = GatewayRunner(web.Application()), GatewayRunner(web.Application())
    await first.setup()
    await second.setup()
    host, port = await first.listen(ServerSettings(port=0))
    assert host == "127.0.0.1"
    with pytest.raises(OSError, match="in use"):
        await second.listen(ServerSettings(port=port))
    await first.stop_listening()
    assert first.addresses == []
    await first.cleanup()
    await second.cleanup()


async def here(_: web.Request) -> web.Response:
    return web.Response(text="here")


async def test_connections_that_wait_are_taken_before_nobody_listens(tmp_path: Path) -> None:
    """The kernel would reset them, and their requests."""
    path = str(tmp_path / "socket")
    app = web.Application()
    app.router.add_get("/", here)
    runner = GatewayRunner(app)
    await runner.setup()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        await runner.adopt([listener])
        clients = [socket.socket(socket.AF_UNIX) for _ in range(300)]
        for client in clients:
            client.connect(path)  # no step of the loop comes between: all of them wait
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await runner.stop_listening()
    answers = await asyncio.gather(*(asyncio.to_thread(client.recv, 1000) for client in clients))
    assert all(answer.endswith(b"here") for answer in answers)
    for client in clients:
        client.close()
    runner.hurry()
    await runner.cleanup()
