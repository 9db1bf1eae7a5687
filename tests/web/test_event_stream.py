"""What the stream does beyond aiohttp-sse; stalls are in test_stall.py, its headers in tests/faults/test_http.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, web

from gateway.settings import ServerSettings
from gateway.web.event_stream import EventStream
from gateway.web.visit import VISIT
from tests.fakes.upstream import serving
from tests.fakes.visits import visit

FRAME = b"event: a\ndata: {}\n\n"
Script = Callable[[EventStream], Awaitable[None]]


@asynccontextmanager
async def answered(
    script: Script, *, beat: bytes | Callable[[], bytes] = b"", version: HttpVersion = HttpVersion11, **members: object
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a request whose stream follows the script."""
    settings = msgspec.convert(members, ServerSettings)

    async def respond(request: web.Request) -> web.StreamResponse:
        request[VISIT] = visit()
        stream = EventStream(request, settings, beat if callable(beat) else lambda: beat)
        try:
            await script(stream)
        finally:
            stream.end_heartbeat()
        return stream

    app = web.Application()
    app.router.add_get("/v1/stream", respond)
    async with (
        serving(app) as base_url,
        aiohttp.ClientSession(version=version) as session,
        session.get(f"{base_url}/stream") as answer,
    ):
        yield answer


async def test_frames_go_out_as_they_are_with_the_given_headers() -> None:
    async def script(stream: EventStream) -> None:
        await stream.start(FRAME, [("x-gateway-dropped", "a")])
        await stream.write(FRAME)
        await stream.finish()

    async with answered(script) as answer:
        assert await answer.read() == FRAME * 2
        assert answer.headers["x-gateway-dropped"] == "a"
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert "Connection" not in answer.headers


@pytest.mark.parametrize(("form", "beat"), [("event", FRAME), ("comment", b": keep-alive\n\n"), ("off", b"")])
async def test_silence_is_filled_in_the_form_that_is_set(form: str, beat: bytes) -> None:
    async def script(stream: EventStream) -> None:
        await stream.start(b"", [])
        await asyncio.sleep(0.2)
        await stream.finish()

    async with answered(script, beat=FRAME, heartbeat=form, heartbeat_seconds=0.03) as answer:
        body = await answer.read()
        assert body == beat * (body.count(beat) if beat else 0)
        assert len(body) >= len(beat) * 3


async def test_a_stream_that_begins_late_has_its_heartbeat_in_time() -> None:
    """The next look at a client is seconds away, but not the next beat."""

    async def script(stream: EventStream) -> None:
        await asyncio.sleep(0.1)
        await stream.start(FRAME, [])
        await asyncio.sleep(0.3)
        await stream.finish()

    async with answered(script, beat=FRAME, heartbeat_seconds=0.05, write_stall_seconds=60) as answer:
        assert (await answer.read()).count(FRAME) >= 3


@pytest.mark.parametrize("version", [HttpVersion10, HttpVersion11])
async def test_frames_and_beats_reach_clients_of_both_versions_whole(version: HttpVersion) -> None:
    async def script(stream: EventStream) -> None:
        await stream.start(FRAME, [])
        assert stream.put(FRAME, asyncio.get_running_loop().time())
        await asyncio.sleep(0.4)
        await stream.finish(FRAME)

    async with answered(script, beat=FRAME, version=version, heartbeat_seconds=0.02) as answer:
        body = await answer.read()
        assert body == FRAME * body.count(FRAME)
        assert body.count(FRAME) > 4


async def test_no_heartbeat_is_due_when_there_is_nothing_to_say_or_much_to_write() -> None:
    async def script(stream: EventStream) -> None:
        await stream.start(b"", [])
        for _ in range(10):
            await stream.write(b"x")
            await asyncio.sleep(0.15)
        await stream.finish()

    async with answered(script, beat=FRAME, heartbeat_seconds=1) as answer:
        assert await answer.read() == b"x" * 10
    async with answered(script, beat=b"", heartbeat_seconds=0.005) as answer:
        assert await answer.read() == b"x" * 10


async def test_a_beat_that_comes_due_while_it_is_looked_for_is_not_late() -> None:
    """The next look at a client is two seconds away."""

    async def script(stream: EventStream) -> None:
        await stream.start(b"", [])
        await asyncio.sleep(0)
        seconds = iter([0.0005, -0.0005])
        stream._seconds_to_beat = lambda: next(seconds, 60.0)  # type: ignore[method-assign]
        await asyncio.sleep(0.5)
        await stream.finish()

    async with answered(script, beat=FRAME, heartbeat_seconds=60, write_stall_seconds=60) as answer:
        assert (await answer.read()).count(FRAME) == 1


async def test_no_heartbeat_is_made_while_the_client_is_behind() -> None:
    """Each has a number, which would be missing in what the client gets."""
    made, asked = list[bytes](), asyncio.Event()

    def beat() -> bytes:
        made.append(FRAME)
        return FRAME

    async def script(stream: EventStream) -> None:
        await stream.start(b"", [])
        while stream.put(b"x" * 65_536, asyncio.get_running_loop().time()):
            pass
        await asyncio.sleep(0.3)
        asked.set()
        await stream.write(b"y")
        await stream.finish()

    async with answered(script, beat=beat, heartbeat_seconds=0.03) as answer:
        await asyncio.wait_for(asked.wait(), 10)
        assert (await answer.read()).count(FRAME) == len(made)


async def test_a_stream_that_never_began_needs_no_end() -> None:
    async def script(stream: EventStream) -> None:
        raise web.HTTPGone

    async with answered(script) as answer:
        assert answer.status == 410


async def test_a_client_that_was_gone_when_the_head_was_sent_is_no_fault() -> None:
    ends: list[str] = []

    async def script(stream: EventStream) -> None:
        assert stream._request.transport is not None
        stream._request.transport.abort()
        try:
            with pytest.raises(ConnectionError):
                await stream.start(FRAME, [])
        finally:
            stream.end_heartbeat()
            ends.append("quiet")

    with pytest.raises(aiohttp.ClientError):
        async with answered(script):
            pytest.fail("nothing was sent")
    assert set(ends) == {"quiet"}, "the client may have tried again"
