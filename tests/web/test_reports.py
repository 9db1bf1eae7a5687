"""What is told of the contents of requests; all else that is told is in test_metrics.py and tests/telemetry."""

import asyncio

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import KEY, LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, running_upstream

ASKED, ANSWERED = "Tell me a tale", "Once upon a time"


async def line_of(gateway: LocalGateway, message: str) -> JSONObject:
    async with asyncio.timeout(WAIT):
        while not (entries := gateway.log.entries(message)):  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.005)
    return entries[0]


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("members", [{"stream": True}, {"stream": False}, {"background": True}], ids=str)
async def test_contents_are_logged_only_where_that_is_switched_on(members: JSONObject, *, is_on: bool) -> None:
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), logs_bodies=is_on) as gateway,
        aiohttp.ClientSession(headers=gateway.headers) as session,
    ):
        upstream.answer(Script.of(chat.text_stream(ANSWERED)))
        request = {"model": "up/model", "input": ASKED, **members}
        async with session.post(f"{gateway.base_url}/responses", json=request) as answer:
            await answer.read()
        await line_of(gateway, "background response" if "background" in members else "request")
        if is_on:
            line = await line_of(gateway, "contents")
            assert orjson.loads(line["asked"]) == request
            assert orjson.loads(line["answered"])["output"][0]["content"][0]["text"] == ANSWERED
            assert KEY not in "".join(gateway.log.lines)
        else:
            assert ASKED not in "".join(gateway.log.lines)
            assert ANSWERED not in "".join(gateway.log.lines)


async def test_long_contents_are_cut() -> None:
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), logs_bodies=True) as gateway,
        aiohttp.ClientSession(headers=gateway.headers) as session,
    ):
        upstream.answer(Script(status=400))
        request = {"model": "up/model", "input": "x" * 1_000_000}
        async with session.post(f"{gateway.base_url}/responses", json=request) as answer:
            assert answer.status == 400
        line = await line_of(gateway, "contents")
        assert (len(line["asked"]), line["answered"]) == (65_536, "")
