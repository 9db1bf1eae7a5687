"""A client without an SDK: it posts to the real gateway and holds every byte of the answer against the rules.

What an SDK forgives, this does not. The answers are validated by `tests/official.py`.
"""

from dataclasses import dataclass

import aiohttp
import orjson

from gateway.codec.json import JSONObject
from tests.fakes.gateway import GatewayProcess
from tests.official import StreamCheck, check_error, check_response, check_stream


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was not a stream."""

    status: int
    headers: dict[str, str]
    """With names in lower case."""
    body: JSONObject


async def post_stream(gateway: GatewayProcess, request: JSONObject) -> StreamCheck:
    """Ask for a stream, expect one, and check it."""
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.post(f"{gateway.base_url}/responses", json=request | {"stream": True}) as answer,
    ):
        body = await answer.read()
        assert answer.status == 200, body
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["x-request-id"].startswith("req_")
        assert "Content-Encoding" not in answer.headers
        return check_stream(body)


async def post(gateway: GatewayProcess, request: JSONObject, *, key: str | None = None) -> Answer:
    """Ask without a stream, or expect an error, and check the answer's body."""
    headers = {"Authorization": f"Bearer {key or gateway.key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{gateway.base_url}/responses", json=request) as answer,
    ):
        assert answer.content_type == "application/json"
        body = orjson.loads(await answer.read())
        if answer.status == 200:
            check_response(body)
        else:
            check_error(body)
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)
