"""What an open stream keeps of its request, and that the connection serves on as before it."""

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp.http import HttpRequestParser
from multidict import CIMultiDict

from gateway.codec.json import JSONObject
from gateway.settings import AliasSettings
from gateway.web.client_connection import ClientConnection
from tests.fakes import chat
from tests.fakes.local_gateway import KEY, OUTPUT, PROMPT, LocalGateway, local_gateway, provider
from tests.fakes.raw import connection
from tests.fakes.upstream import WAIT, Script, Step, Upstream, running_upstream
from tests.faults.scene import FIRST

MARK = "x-mark-of-the-test"
TOOL: JSONObject = {"type": "function", "name": "mark_of_a_tool", "parameters": {"type": "object"}}
REQUEST: JSONObject = {
    "model": "up/model",
    "stream": True,
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
    "tools": [TOOL],
}
CHAT: JSONObject = {"model": "up/model", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
Reader = asyncio.StreamReader


def request(body: bytes, path: str = "/v1/responses", *, headers: str = "", head_end: str = "\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{MARK}: x\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}{head_end}".encode() + body


def whole(body: JSONObject, path: str = "/v1/responses") -> bytes:
    return request(orjson.dumps(body), path)


def found(matches: Callable[[object], bool]) -> list[object]:
    """What is there and alive; what nobody holds is collected first."""
    gc.collect()
    return [one for one in gc.get_objects() if matches(one)]


def is_marked_head(one: object) -> bool:
    return isinstance(one, CIMultiDict) and MARK in one


def is_parser(one: object) -> bool:
    return isinstance(one, HttpRequestParser) and isinstance(getattr(one, "protocol", None), ClientConnection)


def is_marked_object(one: object) -> bool:
    """A part of the body as an object: of the tools, or of the input."""
    return isinstance(one, dict) and (one.get("name") == "mark_of_a_tool" or one.get("role") == "user")


@asynccontextmanager
async def gateway_before(*steps: Step) -> AsyncIterator[tuple[LocalGateway, Upstream]]:
    async with running_upstream() as upstream:
        upstream.answer(Script(steps))
        async with local_gateway(provider(upstream.base_url), server={"write_stall_seconds": 0.3}) as gateway:
            yield gateway, upstream


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def until_there_is(reader: Reader, mark: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(WAIT):
        while mark not in seen:
            data = await reader.read(65_536)
            assert data, seen
            seen += data
    return seen


@pytest.mark.parametrize(("path", "body"), [("/v1/responses", REQUEST), ("/v1/chat/completions", CHAT)])
async def test_an_open_stream_keeps_neither_head_nor_parser(path: str, body: JSONObject) -> None:
    others = len(found(is_parser))
    async with gateway_before(FIRST, "hang") as (gateway, _), connection(gateway.port) as (reader, writer):
        writer.write(whole(body, path))
        await until_there_is(reader, OUTPUT.encode())
        await until(lambda: not found(is_marked_head))
        assert len(found(is_parser)) == others


async def test_nor_does_one_whose_upstream_has_said_nothing() -> None:
    async with gateway_before("headers", "hang") as (gateway, upstream), connection(gateway.port) as (_, writer):
        writer.write(whole(REQUEST))
        await upstream.request()
        await until(lambda: not found(is_marked_head))


async def test_an_open_stream_keeps_nothing_of_what_was_asked_but_what_is_stored() -> None:
    known = {id(one) for one in found(is_marked_object)}
    async with gateway_before(FIRST, "hang") as (gateway, _), connection(gateway.port) as (reader, writer):
        writer.write(whole(REQUEST))
        await until_there_is(reader, OUTPUT.encode())
        assert not [one for one in found(is_marked_object) if id(one) not in known]


async def test_a_stream_that_has_said_nothing_keeps_what_another_target_would_be_asked() -> None:
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script(("headers", 0.3, "reset")))
        second.answer(Script.of(chat.text_stream(OUTPUT)))
        behind = provider(first.base_url, max_tries=1), provider(second.base_url, name="other")
        async with local_gateway(
            *behind, aliases=(AliasSettings(id="both", targets=("up/model", "other/model")),)
        ) as gateway:
            async with connection(gateway.port) as (reader, writer):
                writer.write(whole(REQUEST | {"model": "both"}))
                await until_there_is(reader, b"response.completed")
            asked = (await second.request()).json
            assert asked["messages"]
            assert asked["tools"]


SECOND = REQUEST | {"stream": False}
BAD_GZIP = request(gzip.compress(orjson.dumps(SECOND)), headers="Content-Encoding: gzip\r\n")


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (whole(SECOND), b"200"),
        (BAD_GZIP, b"200"),
        (whole(SECOND).replace(b"x\r\n", b"%b\r\n" % (b"x" * 9000), 1), b"400"),
        (request(b"{}", headers="".join(f"a{n}: b\r\n" for n in range(200))), b"400"),
        (b"rubbish\r\n\r\n", b"400"),
    ],
    ids=["plain", "compressed", "a long line", "many lines", "rubbish"],
)
async def test_the_next_request_on_the_connection_is_read_as_the_first_was(second: bytes, status: bytes) -> None:
    """Its parser is a new one, with the same limits."""
    async with gateway_before(chat.text_stream(OUTPUT)) as (gateway, _):
        async with connection(gateway.port) as (reader, writer):
            writer.write(second)
            assert (await until_there_is(reader, b"\r\n\r\n")).split()[1] == status
        async with connection(gateway.port) as (reader, writer):
            writer.write(whole(REQUEST))
            await until_there_is(reader, b"\r\n0\r\n\r\n")
            writer.write(second)
            assert (await until_there_is(reader, b"\r\n\r\n")).split()[1] == status


ANSWERED = chat.text_stream(OUTPUT)


@pytest.mark.parametrize(
    "cut", [len(whole(SECOND)), 1, 60, whole(SECOND).find(b"\r\n\r\n") + 2, whole(SECOND).find(b"\r\n\r\n") + 4, -1]
)
@pytest.mark.parametrize("is_together", [True, False])
async def test_a_request_that_comes_during_a_stream_is_answered_after_it(cut: int, *, is_together: bool) -> None:
    """Whole or in part, with the first request or after the stream has begun."""
    first, second = whole(REQUEST), whole(SECOND)
    async with gateway_before(FIRST, 0.2, ANSWERED) as (gateway, _), connection(gateway.port) as (reader, writer):
        if is_together:
            writer.write(first + second[:cut])
            await until_there_is(reader, OUTPUT.encode())
        else:
            writer.write(first)
            await until_there_is(reader, OUTPUT.encode())
            writer.write(second[:cut])
        await until_there_is(reader, b"\r\n0\r\n\r\n")
        writer.write(second[cut:] if cut != len(second) else b"")
        answer = await until_there_is(reader, b'"object":"response"')
        assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
async def test_a_request_in_pieces_or_chunks_is_read_whole(size: int) -> None:
    body = orjson.dumps(REQUEST)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    chunked = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + chunks
    async with gateway_before(chat.text_stream(OUTPUT)) as (gateway, _), connection(gateway.port) as (reader, writer):
        for sent in (whole(REQUEST), chunked, whole(REQUEST)):
            for at in range(0, len(sent), size):
                writer.write(sent[at : at + size])
                await asyncio.sleep(0)
            seen = await until_there_is(reader, b"\r\n0\r\n\r\n")
            assert b"response.completed" in seen
