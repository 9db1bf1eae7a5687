"""Faults of clients (C): whoever leaves stops its upstream; whoever stops reading is dropped."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson
import pytest
import tomli_w

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import KEY
from tests.fakes.raw import (
    EVENTS_HEAD,
    RawStep,
    RawUpstream,
    chunked,
    connection,
    http,
    raw_upstream,
    read_answer,
    reset,
)
from tests.fakes.service_manager import Instance, instance
from tests.fakes.upstream import WAIT, Script, Step, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, REQUEST, Scene, posted, raw_scene, scene
from tests.official import read_frames

WHOLE = REQUEST | {"stream": False}
CHAT = {"model": "up/model", "messages": [], "stream": True}
PATHS = pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])


async def leaves(place: Scene, request: bytes, *, after: bytes | None = None, by_reset: bool = False) -> float:
    """The client sends the request, reads up to these bytes, and leaves; the seconds until the upstream knew."""
    async with connection(place.gateway.port) as (reader, writer):
        writer.write(request)
        received = await place.upstream.request()
        if after is not None:
            async with asyncio.timeout(WAIT):
                await reader.readuntil(after)
        left_at = time.monotonic()
        reset(writer) if by_reset else writer.close()
        await received.wait_until_left()
        return time.monotonic() - left_at


@pytest.mark.case("C1")
@pytest.mark.parametrize("by_reset", [False, True])
async def test_c1_a_client_that_leaves_in_the_middle_of_a_stream_stops_the_upstream(*, by_reset: bool) -> None:
    async with scene(FIRST, "hang") as place:
        assert await leaves(place, posted(), after=b"output-marker", by_reset=by_reset) < 2
        line = await place.gateway.log.request_line()
        assert (line["termination"], line["status"]) == ("client_gone", 200)
        assert len(place.gateway.log.entries()) == 1


@pytest.mark.case("C1")
async def test_c1_a_client_of_a_chat_stream_that_leaves_stops_the_upstream() -> None:
    async with scene(FIRST, "hang") as place:
        assert await leaves(place, posted(CHAT, path="/v1/chat/completions"), after=b"output-marker") < 2
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"


@pytest.mark.case("C2")
@PATHS
async def test_c2_a_client_that_leaves_before_the_first_byte_stops_the_upstream(path: str) -> None:
    async with scene("hang") as place:
        assert await leaves(place, posted(REQUEST | CHAT if "chat" in path else REQUEST, path=path)) < 2
        line = await place.gateway.log.request_line()
        assert (line["termination"], line["status"]) == ("client_gone", 499)


@pytest.mark.case("C2")
async def test_c2_a_client_that_leaves_between_head_and_first_byte_stops_the_upstream() -> None:
    async with scene("headers", "hang") as place:
        assert await leaves(place, posted(), after=b"response.in_progress") < 2
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"


@pytest.mark.case("C3")
@pytest.mark.parametrize("steps", [("hang",), ("headers", "hang"), (b'{"choices":', "hang")])
@PATHS
async def test_c3_a_client_that_leaves_during_a_collected_answer_stops_the_upstream(
    path: str, steps: tuple[Step, ...]
) -> None:
    script = Script(steps, content_type="application/json")
    async with scene(script=script) as place:
        request = {"model": "up/model", "messages": []} if "chat" in path else WHOLE
        assert await leaves(place, posted(request, path=path)) < 2
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"


@pytest.mark.case("C4")
async def test_c4_a_client_that_leaves_while_uploading_reaches_no_upstream() -> None:
    async with raw_scene((b"",)) as place:
        async with connection(place.gateway.port) as (_, writer):
            writer.write(posted(b'{"model": "up/model"').replace(b"Content-Length: 20", b"Content-Length: 9999"))
            await writer.drain()
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"
        assert place.upstream.connections == 0


@pytest.mark.case("C5")
async def test_c5_a_client_that_closes_its_half_is_gone() -> None:
    async with scene(FIRST, "hang") as place:
        async with connection(place.gateway.port) as (reader, writer):
            writer.write(posted())
            received = await place.upstream.request()
            await reader.readuntil(b"output-marker")
            writer.write_eof()
            await received.wait_until_left()
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"


FLOOD: tuple[RawStep, ...] = (EVENTS_HEAD, *([chunked(chat.chunk({"content": "x" * 1000}) * 20)] * 2000), "hang")
"""40 MB of deltas."""


@contextmanager
def reading_at_most(size: int, port: int) -> Iterator[socket.socket]:
    """A client for which the kernel keeps about so many bytes, until it reads them."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        yield client


async def stalled(sock: socket.socket, upstream: RawUpstream, request: bytes) -> float:
    """The seconds until a client that reads nothing is dropped."""
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, request)
    started = time.monotonic()
    await upstream.wait_until_left()
    return time.monotonic() - started


TINY_FLOOD: tuple[RawStep, ...] = (EVENTS_HEAD, *([chunked(chat.chunk({"content": "x"}) * 1000)] * 400), "hang")
"""Deltas of one character, which become several times larger on their way."""
MOST_BUFFERED = 256 * 1024


@pytest.mark.case("C8")
@PATHS
@pytest.mark.parametrize("flood", [FLOOD, TINY_FLOOD], ids=["large", "tiny"])
async def test_c8_a_reader_that_stops_on_tcp_is_dropped_and_little_was_buffered(
    flood: tuple[RawStep, ...], path: str, figures: Figures
) -> None:
    async with raw_scene(flood, write_stall_seconds=0.4) as place:
        with reading_at_most(4096, place.gateway.port) as client:
            request = REQUEST if path == "/v1/responses" else CHAT
            drop = asyncio.create_task(stalled(client, place.upstream, posted(request, path=path)))
            most = 0.0
            while not drop.done():
                most = max(most, await place.gateway.metric("gateway_buffered_bytes"))
            size = "large" if flood is FLOOD else "tiny"
            figures.note("C8", f"buffered for {path}, {size} deltas", most / 1024, "KiB")
            assert most <= MOST_BUFFERED
            assert 0.3 < await drop < 3
            assert (await place.gateway.log.request_line())["termination"] == "client_stalled"
            assert place.upstream.written < 16_000_000  # the kernel's buffers on both sides, and little of ours


@asynccontextmanager
async def on_unix_socket(folder: Path, base_url: str) -> AsyncIterator[Instance]:
    """A gateway that listens on a socket in the file system, as before nginx."""
    tables: JSONObject = {"server": {"write_stall_seconds": 0.4}}
    (folder / "gateway.toml").write_text(tomli_w.dumps(tables | {"providers": [{"name": "up", "base_url": base_url}]}))
    async with instance(folder, folder / "gateway.toml", environment={"GATEWAY_API_KEYS": KEY}) as gateway:
        yield gateway


async def ended_as_stalled(gateway: Instance) -> bool:
    assert gateway.process is not None
    return '"termination":"client_stalled"' in await gateway.process.wait_for_line('"/v1/')


@PATHS
@pytest.mark.case("C9")
async def test_c9_a_reader_that_stops_on_a_unix_socket_is_dropped(path: str, tmp_path: Path) -> None:
    async with raw_upstream(FLOOD) as upstream, on_unix_socket(tmp_path, upstream.base_url) as gateway:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(gateway.path))
            request = REQUEST if path == "/v1/responses" else CHAT
            assert 0.3 < await stalled(client, upstream, posted(request, path=path)) < 3
            assert await ended_as_stalled(gateway)


@pytest.mark.case("C9")
async def test_c9_a_reader_that_stops_in_a_thin_stream_is_dropped_too(tmp_path: Path) -> None:
    async with running_upstream() as upstream, on_unix_socket(tmp_path, upstream.base_url) as gateway:
        upstream.answer(Script.of(FIRST, "hang"))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(gateway.path))
            client.sendall(posted())
            await (await upstream.request()).wait_until_left()
            assert await ended_as_stalled(gateway)


@pytest.mark.case("C8")
@PATHS
async def test_c8_the_reader_of_a_large_collected_answer_is_dropped_when_it_stops(path: str) -> None:
    body = orjson.dumps({"choices": [{"message": {"content": "x" * 20_000_000}, "finish_reason": "stop"}]})
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw_scene((head, body), write_stall_seconds=0.4) as place:
        with reading_at_most(4096, place.gateway.port) as client:
            client.sendall(posted(WHOLE if path == "/v1/responses" else CHAT | {"stream": False}, path=path))
            assert (await place.gateway.log.request_line())["termination"] == "client_stalled"


@pytest.mark.case("C11")
async def test_c11_a_slow_reader_gets_everything_and_does_not_make_its_upstream_late() -> None:
    pieces = [chunked(chat.chunk({"content": f"{number:06}" * 200}) * 10) for number in range(400)]
    flood: tuple[RawStep, ...] = (EVENTS_HEAD, *pieces, chunked(chat.ending()), b"0\r\n\r\n")
    limits: JSONObject = {"write_stall_seconds": 1.5, "idle_timeout_seconds": 0.5, "first_byte_timeout_seconds": 5.0}
    async with raw_scene(flood, **limits) as place:
        with reading_at_most(65_536, place.gateway.port) as client:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, posted(headers=("Connection: close",)))
            received = bytearray()
            while piece := await loop.sock_recv(client, 65536):
                received += piece
                if len(received) < 3_000_000:
                    await asyncio.sleep(0.02)
        assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert b"response.failed" not in received
        assert (await place.gateway.log.request_line())["termination"] == "completed"


@pytest.mark.case("C11")
async def test_c11_a_slow_reader_of_a_large_end_gets_it_once_and_keeps_its_connection() -> None:
    large = [chunked(chat.chunk({"content": "x" * 100_000})) for _ in range(80)]
    flood: tuple[RawStep, ...] = (EVENTS_HEAD, *large, chunked(chat.ending()), b"0\r\n\r\n")
    limits: JSONObject = {"write_stall_seconds": 5, "idle_timeout_seconds": 0.3, "first_byte_timeout_seconds": 5.0}
    async with raw_scene(flood, **limits) as place:
        with reading_at_most(65_536, place.gateway.port) as client:
            for _ in range(2):  # the second answer shows that the first had one end
                received = await slowly_read(client, posted(REQUEST | {"store": False}))
                assert received.startswith(b"HTTP/1.1 200 OK\r\n")
                assert b"response.completed" in received
        assert (await place.gateway.log.request_line(1))["termination"] == "completed"


@pytest.mark.case("C11", "U22")
async def test_a_limit_that_runs_out_while_the_client_does_not_read_ends_the_stream_all_the_same() -> None:
    limits: JSONObject = {"write_stall_seconds": 5, "total_timeout_seconds": 0.6}
    async with raw_scene(FLOOD, **limits) as place:
        with reading_at_most(65_536, place.gateway.port) as client:
            await asyncio.get_running_loop().sock_sendall(client, posted(REQUEST | {"store": False}))
            await place.upstream.wait_until_left()
            for _ in range(2):
                received = await slowly_read(client, b"")
                assert received.startswith(b"HTTP/1.1 200 OK\r\n")
                assert b"event: response.failed" in received
                await asyncio.get_running_loop().sock_sendall(client, posted(REQUEST | {"store": False}))
        assert (await place.gateway.log.request_line())["termination"] == "total_timeout"


async def slowly_read(client: socket.socket, request: bytes) -> bytes:
    """The answer up to its end, in pieces with pauses between them."""
    loop = asyncio.get_running_loop()
    if request:
        await loop.sock_sendall(client, request)
    received = bytearray()
    async with asyncio.timeout(WAIT * 2):
        while not received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            received += await loop.sock_recv(client, 65536)
            await asyncio.sleep(0.004)
    return bytes(received)


@pytest.mark.case("C13")
async def test_c13_a_body_that_dribbles_is_refused_in_time(figures: Figures) -> None:
    async with scene(FIRST, body_timeout_seconds=0.3) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(http("POST", "/v1/responses", b"x" * 9, key=KEY)[:-8])
        started = time.monotonic()
        status, headers, body = await read_answer(reader)
        figures.note("C13", "refused after a limit of 300 ms", (time.monotonic() - started) * 1000, "ms")
        assert (status, headers["connection"]) == (408, "close")
        assert orjson.loads(body)["error"]["code"] == "request_timeout"
        assert (await place.gateway.log.request_line())["termination"] == "client_error"
        assert place.upstream.received == []


async def test_a_client_that_leaves_after_the_end_has_a_completed_answer() -> None:
    async with scene(chat.text_stream("Hello"), "hang") as place:
        async with connection(place.gateway.port) as (reader, writer):
            writer.write(posted())
            await reader.readuntil(b"data: [DONE]\n\n")
        assert (await place.gateway.log.request_line())["termination"] == "completed"


async def test_what_a_client_got_before_it_left_are_whole_frames() -> None:
    async with scene(FIRST * 50, "hang") as place:
        async with connection(place.gateway.port) as (reader, writer):
            writer.write(posted().replace(b"HTTP/1.1", b"HTTP/1.0"))
            await place.upstream.request()
            head = await reader.readuntil(b"\r\n\r\n")
            body = b""
            async with asyncio.timeout(WAIT):
                while body.count(b"output_text.delta\n") < 50:
                    body += await reader.read(65536)
        assert b"keep-alive" not in head.lower()
        assert len(list(read_frames(body, whole=False))) == 54
        assert (await place.gateway.log.request_line())["termination"] == "client_gone"
