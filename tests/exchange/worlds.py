"""Plain objects that fulfil the ports of an exchange: an upstream that follows a script, a client that keeps frames."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import orjson

from gateway.codec.json import JSONObject
from gateway.exchange.exchange import Exchange, RunningExchanges
from gateway.exchange.ports import Answer
from gateway.settings import ProviderSettings
from gateway.translate.request import read_request

Piece = bytes | float | BaseException


@dataclass(slots=True)
class ScriptedAnswer:
    """Gives the pieces, waits the numbers in seconds, and raises the exceptions; then its end."""

    pieces: list[Piece]
    is_closed: bool = False

    async def read(self) -> bytes:
        while self.pieces:
            match self.pieces.pop(0):
                case bytes() as data:
                    return data
                case BaseException() as error:
                    raise error
                case seconds:
                    await asyncio.sleep(seconds)
        return b""

    def close(self) -> None:
        self.is_closed = True


@dataclass(slots=True)
class ScriptedUpstream:
    """Waits, then gives the answer or raises the error; counts how often it was asked."""

    settings: ProviderSettings
    answer: ScriptedAnswer | BaseException
    wait: float = 0.0
    asked: list[JSONObject] = field(default_factory=list)
    has_opened: bool = False

    async def open_chat(self, body: bytes, *, is_stream: bool, request_id: str) -> Answer:
        self.asked.append(orjson.loads(body))
        await asyncio.sleep(self.wait)
        if isinstance(self.answer, BaseException):
            raise self.answer
        self.has_opened = True
        return self.answer


@dataclass(frozen=True, slots=True)
class ScriptedTarget:
    """A target."""

    upstream: ScriptedUpstream
    model: str = "model"


@dataclass(slots=True)
class Client:
    """Keeps what it is sent; may be slow, or leave after some writes."""

    delay: float = 0.0
    leaves_after: int = 1_000_000
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    writes: int = 0
    starts: int = 0
    is_finished: bool = False

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        self.starts += 1
        self.headers.extend(headers)
        await self.write(frames)

    async def write(self, frames: bytes) -> None:
        self.writes += 1
        if self.writes > self.leaves_after:
            raise ConnectionResetError("the client left")
        self.body += frames
        await asyncio.sleep(self.delay)

    async def finish(self) -> None:
        self.is_finished = True


def upstream(answer: Sequence[Piece] | BaseException, *, wait: float = 0.0, **limits: object) -> ScriptedUpstream:
    """An upstream with this answer and these limits."""
    settings = msgspec.convert({"name": "up", "base_url": "http://up/v1", **limits}, ProviderSettings)
    scripted = answer if isinstance(answer, BaseException) else ScriptedAnswer(list(answer))
    return ScriptedUpstream(settings, scripted, wait)


def exchange(
    *upstreams: ScriptedUpstream, running: RunningExchanges | None = None, is_strict: bool = False, **members: object
) -> Exchange:
    """An exchange that may ask these upstreams."""
    ids = iter(range(1000))
    request = read_request({"model": "up/model", "input": "Hi", "stream": True, **members})
    return Exchange(
        request,
        [ScriptedTarget(one) for one in upstreams],
        is_strict=is_strict,
        request_id="req_1",
        mint_id=lambda prefix: f"{prefix}_{next(ids)}",
        running=RunningExchanges() if running is None else running,
    )
