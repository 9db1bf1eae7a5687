"""A request that is over is gone at once, with all that was asked and answered: the garbage collector comes late."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress

import aiohttp
import orjson
import pytest
from aiohttp.web import RequestHandler

from gateway.codec.json import JSONObject
from gateway.exchange.exchange import Exchange
from gateway.spec.requests import CreateRequest
from gateway.translate.composer import Composer
from gateway.translate.translation import Translation
from gateway.upstream.answer import UpstreamAnswer
from gateway.web.chat_completions import _Passing
from gateway.web.event_stream import EventStream
from tests.fakes import chat
from tests.fakes.local_gateway import LocalGateway, local_gateway, provider
from tests.fakes.raw import connection, reset
from tests.fakes.upstream import WAIT, Script, Step, running_upstream
from tests.faults.scene import FIRST, REQUEST, ask, posted

HELD = (Exchange, CreateRequest, Composer, Translation, EventStream, UpstreamAnswer, _Passing)
CHAT: JSONObject = {"model": "up/model", "messages": [], "stream": True}
WHOLE = REQUEST | {"stream": False}
TOOLS = REQUEST | {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]}
RUBBISH = b'data: {"choices": [{"delta": \xff\xfe\n\n'
REASONED = chat.chunk({"reasoning_content": "Hm."}) + chat.text_stream("Hi")
CASES: dict[str, tuple[JSONObject, Script]] = {
    "a stream": (REQUEST, Script.of(chat.text_stream("Hi"))),
    "a stream with reasoning": (REQUEST, Script.of(REASONED)),
    "a stream with calls": (TOOLS, Script.of(chat.call_stream(("call_1", "f", "{}")))),
    "an answer": (WHOLE, Script.of(chat.text_stream("Hi"))),
    "a late stream": (REQUEST, Script.of(0.15, chat.text_stream("Hi"))),
    "a cut stream": (REQUEST, Script.of(FIRST, 0.05, "reset")),
    "a cut stream of chat": (CHAT, Script.of(FIRST, 0.05, "reset")),
    "an answer that is cut": (WHOLE, Script.of(FIRST, 0.05, "cut")),
    "no answer": (REQUEST, Script.of("cut")),
    "a refusal": (WHOLE, Script.json(chat.error_body("no"), status=400)),
    "rubbish in a stream": (REQUEST, Script.of(FIRST, 0.05, RUBBISH)),
    "rubbish at the start of a stream": (REQUEST, Script.of(RUBBISH)),
    "rubbish instead of an answer": (WHOLE, Script((b'{"choices": \xff}',), 200, "application/json")),
    "a wrong request": (REQUEST | {"input": [{"type": "message"}]}, Script.of(chat.text_stream("Hi"))),
    "a stream of chat": (CHAT, Script.of(chat.text_stream("Hi"))),
    "a refusal of chat": (CHAT, Script.json(chat.error_body("no"), status=400)),
    "in the background": (WHOLE | {"background": True}, Script.of(chat.text_stream("Hi"))),
    "failing in the background": (WHOLE | {"background": True}, Script.of(FIRST, 0.05, "reset")),
    "followed in the background": (REQUEST | {"background": True}, Script.of(chat.text_stream("Hi"))),
}


def held() -> list[object]:
    """What is there of requests. What waits for the collector is in its lists too."""
    return [one for one in gc.get_objects() if isinstance(one, HELD)]


@pytest.fixture(autouse=True)
def others() -> Iterator[list[object]]:
    """What other tests still hold; from now on nothing is collected."""
    gc.collect()
    gc.disable()
    yield held()
    gc.enable()


async def until_nothing_else_is_held(others: list[object]) -> None:
    known = set(map(id, others))
    async with asyncio.timeout(WAIT):
        while True:
            if not [one for one in held() if id(one) not in known]:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("request_body", "script"), CASES.values(), ids=CASES.keys())
async def test_nothing_waits_for_the_garbage_collector(
    request_body: JSONObject, script: Script, others: list[object]
) -> None:
    path = "/chat/completions" if "messages" in request_body else "/responses"
    async with running_upstream() as upstream:
        upstream.answer(script)
        settings = provider(upstream.base_url, max_tries=1)
        async with local_gateway(settings, server={"commit_after_seconds": 0.05}) as gateway:
            with suppress(aiohttp.ClientError):
                await ask(gateway, request_body, path=path)
            await gateway.wait_for_requests(0)
            await until_nothing_else_is_held(others)


def event(kind: str, **members: object) -> bytes:
    return b"data: " + orjson.dumps({"type": kind, "output_index": 0, **members}) + b"\n\n"


async def test_nor_does_an_answer_of_responses_that_is_rubbish(others: list[object]) -> None:
    message = event("response.output_item.added", item={"type": "message", "id": "msg_1", "content": []})
    words = event("response.output_text.delta", item_id="msg_1", content_index=0, delta="Hi")
    async with running_upstream() as upstream:
        upstream.answer(Script.of(message + words, 0.05, RUBBISH))
        async with local_gateway(provider(upstream.base_url, max_tries=1, wire="responses")) as gateway:
            _, _, body = await ask(gateway, REQUEST)
            assert b"response.output_text.delta" in body
            assert b"response.failed" in body
            await gateway.wait_for_requests(0)
            await until_nothing_else_is_held(others)


async def test_nor_do_connections_that_sent_no_request() -> None:
    others = {id(one) for one in gc.get_objects() if isinstance(one, RequestHandler)}
    async with local_gateway() as gateway:
        for rubbish in (b"rubbish\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
            async with connection(gateway.port) as (reader, writer):
                writer.write(rubbish)
                assert b" 400 " in await reader.read()
        async with asyncio.timeout(WAIT):
            while True:
                if not [one for one in gc.get_objects() if isinstance(one, RequestHandler) and id(one) not in others]:
                    return
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("steps", [("hang",), (FIRST, "hang")])
@pytest.mark.parametrize("request_body", [REQUEST, WHOLE, CHAT], ids=["a stream", "an answer", "a stream of chat"])
async def test_nor_does_what_a_client_leaves(
    request_body: JSONObject, steps: tuple[Step, ...], others: list[object]
) -> None:
    path = "/v1/chat/completions" if "messages" in request_body else "/v1/responses"
    async with running_upstream() as upstream:
        upstream.answer(Script(steps))
        async with local_gateway(provider(upstream.base_url)) as gateway:
            await leave(gateway, posted(request_body, path=path))
            await (await upstream.request()).wait_until_left()
            await until_nothing_else_is_held(others)


async def leave(gateway: LocalGateway, request: bytes) -> None:
    async with connection(gateway.port) as (_, writer):
        writer.write(request)
        await gateway.wait_for_requests(1)
        await asyncio.sleep(0.1)
        reset(writer)
