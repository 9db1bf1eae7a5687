"""The heads that the gateway writes itself, beside aiohttp's for the same answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web import Request, Response, StreamResponse
from aiohttp_sse import EventSourceResponse

from gateway.access.counts import Claim, Verdict
from gateway.access.limiter import Admission, Limiter
from gateway.access.sliding_counter import Level
from gateway.settings import Limits, ServerSettings
from gateway.web.answer_head import begin, set_headers
from gateway.web.answers import send_json
from gateway.web.event_stream import EventStream
from gateway.web.visit import VISIT
from tests.fakes.upstream import WAIT, serving
from tests.fakes.visits import visit

BODY = b'{"a":1}'
EXTRA = [("x-gateway-dropped", "tools[0]:shell, include"), ("x-gateway-attempts", "mock/m:ok")]
LIMITED = Admission(
    Limiter(), Claim("", Limits(requests_per_minute=3)), Verdict(requests=Level(used=1, reset_seconds=2.5))
)


async def aiohttps_stream(request: Request) -> StreamResponse:
    response = EventSourceResponse(allow_all_methods=True, send_timeout=None)
    response.headers.popall("Connection")
    response.headers.extend(EXTRA)
    if request.version == (1, 0):
        response.force_close()
    await response.prepare(request)
    await response.write(BODY)
    return response


async def own_stream(request: Request) -> StreamResponse:
    stream = EventStream(request, ServerSettings())
    await stream.start(BODY, EXTRA)
    await stream.finish()
    return stream


async def aiohttps_json(_request: Request) -> StreamResponse:
    return Response(body=BODY, headers=EXTRA, content_type="application/json")


async def own_json(request: Request) -> StreamResponse:
    return await send_json(request, BODY, EXTRA, stall=WAIT)


@asynccontextmanager
async def answering(*, is_draining: bool, admission: Admission | None) -> AsyncIterator[str]:
    """The address of a server with all four answers."""

    @web.middleware
    async def visited(request: Request, handler: Handler) -> StreamResponse:
        request[VISIT] = visit(admission=admission)
        request[VISIT].services.readiness.is_draining = is_draining
        answer = await handler(request)
        assert request[VISIT].has_begun or not answer.prepared
        return answer

    app = web.Application(middlewares=[visited])
    app.on_response_prepare.append(set_headers)
    for handler in (aiohttps_stream, own_stream, aiohttps_json, own_json):
        app.router.add_get(f"/{handler.__name__}", handler)
    async with serving(app) as base_url:
        yield urlsplit(base_url).netloc


async def answer_of(address: str, path: str, version: str, asked: str) -> tuple[list[str], bytes, bool]:
    """Status line and headers in alphabetical order, the body as it came, and whether the connection serves on."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = f"GET /{path} HTTP/{version}\r\nHost: x\r\n{asked}\r\n".encode()
    try:
        async with asyncio.timeout(WAIT):
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = b"" if head.startswith("HTTP/1.0") and "keep-alive" not in head else await body_after(reader, head)
            writer.write(request)
            rest = await reader.read(5)
            serves_on = rest == b"HTTP/"
            return sorted(head.strip().split("\r\n")), body or rest + await reader.read(), serves_on
    finally:
        writer.close()


async def body_after(reader: asyncio.StreamReader, head: str) -> bytes:
    end = b"0\r\n\r\n" if "chunked" in head else BODY
    return await reader.readuntil(end)


@pytest.mark.parametrize("kind", ["stream", "json"])
@pytest.mark.parametrize("admission", [None, LIMITED], ids=["free", "limited"])
@pytest.mark.parametrize("is_draining", [False, True], ids=["open", "draining"])
@pytest.mark.parametrize(
    ("version", "asked"),
    [("1.1", ""), ("1.1", "Connection: close\r\n"), ("1.0", ""), ("1.0", "Connection: keep-alive\r\n")],
)
async def test_they_are_the_same(
    kind: str, admission: Admission | None, is_draining: bool, version: str, asked: str
) -> None:
    async with answering(is_draining=is_draining, admission=admission) as address:
        theirs = await answer_of(address, f"aiohttps_{kind}", version, asked)
        ours = await answer_of(address, f"own_{kind}", version, asked)
    assert without_date(ours) == without_date(theirs)


def without_date(answer: tuple[list[str], bytes, bool]) -> tuple[list[str], bytes, bool]:
    head, body, serves_on = answer
    assert any(line.startswith("Date: ") for line in head)
    return [line for line in head if not line.startswith("Date: ")], body, serves_on


async def test_a_header_that_would_be_two_is_refused() -> None:
    refused: list[str] = []

    async def respond(request: Request) -> StreamResponse:
        request[VISIT] = visit()
        with pytest.raises(ValueError, match="control character"):
            begin(request, b"", [("x-a", "b\r\nx-c: d")], has_end=True)
        refused.append("x-a")
        return Response(body=BODY)

    app = web.Application()
    app.router.add_get("/own", respond)
    async with serving(app) as base_url:
        await answer_of(urlsplit(base_url).netloc, "own", "1.1", "Connection: close\r\n")
    assert refused[:1] == ["x-a"]
