"""A gateway with limits, in the test's process, and one request to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import OUTPUT, PROMPT, LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream

REQUEST: JSONObject = {"model": "up/model", "input": PROMPT}
ANSWER = Script.of(chat.text_stream(OUTPUT))


@asynccontextmanager
async def limited(patience: float = WAIT, **limits: object) -> AsyncIterator[tuple[LocalGateway, Upstream]]:
    """A gateway with these members of `[limits]`, and the upstream behind it, which it lets be silent for so long."""
    async with running_upstream() as upstream:
        times = {"idle_timeout_seconds": patience, "first_byte_timeout_seconds": patience}
        behind = provider(upstream.base_url, breaker_failures=0, **times)
        async with local_gateway(behind, limits=limits) as gateway:
            upstream.answer(ANSWER)
            yield gateway, upstream


async def post(
    gateway: LocalGateway, body: JSONObject | bytes | None, path: str = "/responses"
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of an answer; without a body it is a GET."""
    data = orjson.dumps(body) if isinstance(body, dict) else body
    async with (
        asyncio.timeout(WAIT),
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.request("GET" if data is None else "POST", gateway.base_url + path, data=data) as answer,
    ):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, headers, await answer.read()
