"""What the fault tests share: a real gateway with short limits before a scripted upstream, and four observations.

Each test says how the client's answer ended, what the upstream saw, which word the log has for it; that nothing
secret was logged, and no task or descriptor left, is checked whenever a scene ends.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import orjson

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import KEY, OUTPUT, PROMPT, provider_table
from tests.fakes.raw import RawStep, RawUpstream, http, raw_upstream
from tests.fakes.upstream import WAIT, Script, Step, Upstream, running_upstream
from tests.faults.shared_gateway import SHARED, Gateway
from tests.official import StreamCheck, check_error, check_stream

REQUEST: JSONObject = {"model": "up/model", "input": PROMPT, "stream": True}
FIRST = chat.chunk({"content": OUTPUT})
"""The first delta of an answer."""


@dataclass(slots=True)
class Scene:
    """A gateway and the upstream behind it."""

    gateway: Gateway
    upstream: Upstream

    async def fails_with(self, code: str, termination: str) -> StreamCheck:
        """The client's stream ends with `response.failed`, the upstream is left, and the log has the word."""
        stream = await stream_of(self.gateway)
        assert stream.response["status"] == "failed"
        assert stream.response["error"]["code"] == code
        await self.upstream.last.wait_until_finished()
        assert (await self.gateway.log.request_line())["termination"] == termination
        return stream

    async def refuses(self, body: bytes, status: int, code: str, *, headers: dict[str, str] | None = None) -> None:
        """The body gets this refusal, which quotes nothing of it, one quiet line in the log, and no upstream."""
        seen = len(self.gateway.log.entries())
        answered, _, answer = await ask(self.gateway, body, headers=headers)
        error = orjson.loads(answer)
        check_error(error)
        assert (answered, error["error"]["code"]) == (status, code), answer
        assert PROMPT not in answer.decode()
        assert (await self.gateway.log.request_line(seen))["termination"] == "client_error"
        assert self.upstream.received == []


@asynccontextmanager
async def scene(*steps: Step, script: Script | None = None, **limits: object) -> AsyncIterator[Scene]:
    """A gateway before an upstream that follows the steps; limits of `[server]` and of the provider."""
    async with running_upstream() as upstream:
        upstream.answer(script or Script(steps))
        settings = provider_table(upstream.base_url, **_of_provider(limits))
        async with SHARED.configured(settings, server=_of_server(limits)) as gateway:
            yield Scene(gateway, upstream)


@dataclass(slots=True)
class RawScene:
    """A gateway and an upstream of exact bytes."""

    gateway: Gateway
    upstream: RawUpstream


@asynccontextmanager
async def raw_scene(*scripts: Sequence[RawStep], **limits: object) -> AsyncIterator[RawScene]:
    """A gateway before an upstream that answers each request with the next script."""
    async with raw_upstream(*scripts) as upstream:
        settings = provider_table(upstream.base_url, **_of_provider(limits))
        async with SHARED.configured(settings, server=_of_server(limits)) as gateway:
            yield RawScene(gateway, upstream)


def _of_provider(limits: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in limits.items() if name in _PROVIDER_LIMITS}


def _of_server(limits: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in limits.items() if name not in _PROVIDER_LIMITS}


_PROVIDER_LIMITS = {
    "connect_timeout_seconds",
    "first_byte_timeout_seconds",
    "idle_timeout_seconds",
    "total_timeout_seconds",
    "max_event_bytes",
    "max_response_bytes",
    "quirks",
    "headers",
}


class Reachable(Protocol):
    """A gateway of any kind."""

    @property
    def base_url(self) -> str: ...

    @property
    def headers(self) -> dict[str, str]: ...


async def stream_of(gateway: Reachable, request: JSONObject | None = None) -> StreamCheck:
    """The checked stream that the client gets."""
    status, _, body = await ask(gateway, request or REQUEST)
    assert status == 200, body
    return check_stream(body)


async def error_of(gateway: Reachable, request: JSONObject | None = None) -> tuple[int, JSONObject]:
    """The status and the error that the client gets."""
    status, _, body = await ask(gateway, request or REQUEST)
    answer = orjson.loads(body)
    check_error(answer)
    return status, answer["error"]


async def ask(
    gateway: Reachable,
    request: JSONObject | bytes,
    *,
    path: str = "/responses",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of an answer."""
    data = io.BytesIO(request if isinstance(request, bytes) else orjson.dumps(request))
    sent = {"Content-Type": "application/json", **gateway.headers, **(headers or {})}
    async with (
        asyncio.timeout(WAIT * 2),
        aiohttp.ClientSession() as session,
        session.post(gateway.base_url + path, data=data, headers=sent) as answer,
    ):
        body = await answer.read()
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, body


async def listed_models(gateway: Reachable) -> list[str]:
    """The ids of `/v1/models`."""
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.get(f"{gateway.base_url}/models") as answer,
    ):
        return [entry["id"] for entry in orjson.loads(await answer.read())["data"]]


def posted(
    request: JSONObject | bytes | None = None, *, path: str = "/v1/responses", headers: tuple[str, ...] = ()
) -> bytes:
    """A generation request as bytes for a raw connection."""
    body = request if isinstance(request, bytes) else orjson.dumps(request or REQUEST)
    return http("POST", path, body, headers=headers, key=KEY)
