"""Plain objects that fulfil the ports of an exchange: an upstream that follows a script, a client that keeps frames."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import orjson

from gateway.codec.json import JSONObject
from gateway.exchange.exchange import Exchange
from gateway.exchange.ports import Answer
from gateway.exchange.running import RunningExchanges
from gateway.settings import ProviderSettings, RoutingSettings
from gateway.translate.request import read_request
from gateway.upstream.gate import Gate
from gateway.upstream.refusals import Refusals

Piece = bytes | float | BaseException


@dataclass(slots=True)
class ScriptedAnswer:
    """Gives the pieces, waits the numbers in seconds, and raises the exceptions; then its end."""

    pieces: list[Piece]
    is_closed: bool = False
    has_ended: bool = False

    async def read(self) -> bytes:
        while self.pieces:
            match self.pieces.pop(0):
                case bytes() as data:
                    return data
                case BaseException() as error:
                    raise error
                case seconds:
                    await asyncio.sleep(seconds)
        self.has_ended = True
        return b""

    @property
    def is_whole(self) -> bool:
        return self.has_ended

    async def feed(self, take: Callable[[bytes], bool]) -> None:
        while take(chunk := await self.read()) and chunk:
            pass

    def close(self) -> None:
        self.is_closed = True


@dataclass(slots=True)
class ScriptedUpstream:
    """Waits, then gives the answer or raises the error; those in `later` follow, one for each further request."""

    settings: ProviderSettings
    answer: ScriptedAnswer | BaseException
    wait: float = 0.0
    asked: list[JSONObject] = field(default_factory=list)
    has_opened: bool = False
    later: list[ScriptedAnswer | BaseException] = field(default_factory=list)
    refusals: Refusals = field(default_factory=lambda: Refusals("up"))

    async def open_answer(self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False) -> Answer:
        self.asked.append(orjson.loads(body))
        await asyncio.sleep(self.wait)
        if self.later and len(self.asked) > 1:
            self.answer = self.later.pop(0)
        if isinstance(self.answer, BaseException):
            raise self.answer
        self.has_opened = True
        return self.answer


@dataclass(frozen=True, slots=True)
class ScriptedTarget:
    """A target."""

    upstream: ScriptedUpstream
    gate: Gate
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

    def put(self, frames: bytes, _now: float = 0.0, /) -> bool:
        self.writes += 1
        if self.writes > self.leaves_after:
            raise ConnectionResetError("the client left")
        self.body += frames
        return not self.delay

    async def room(self) -> None:
        await asyncio.sleep(self.delay)

    async def write(self, frames: bytes) -> None:
        self.put(frames)
        await self.room()

    async def finish(self, frames: bytes = b"") -> None:
        if frames:
            await self.write(frames)
        self.is_finished = True


def upstream(answer: Sequence[Piece] | BaseException, *, wait: float = 0.0, **limits: object) -> ScriptedUpstream:
    """An upstream with this answer and these limits."""
    known = {"name": "up", "base_url": "http://up/v1", "retry_pause_seconds": 0.01, **limits}
    return ScriptedUpstream(msgspec.convert(known, ProviderSettings), _scripted(answer), wait)


def in_succession(*answers: Sequence[Piece] | BaseException) -> ScriptedUpstream:
    """An upstream that answers each request with the next of these."""
    first = upstream(answers[0])
    first.later = [_scripted(answer) for answer in answers[1:]]
    return first


def _scripted(answer: Sequence[Piece] | BaseException) -> ScriptedAnswer | BaseException:
    return answer if isinstance(answer, BaseException) else ScriptedAnswer(list(answer))


def targets_of(*upstreams: ScriptedUpstream) -> list[ScriptedTarget]:
    """A target for each."""
    return [ScriptedTarget(one, Gate(one.settings)) for one in upstreams]


def exchange(
    *upstreams: ScriptedUpstream,
    running: RunningExchanges | None = None,
    is_strict: bool = False,
    targets: Sequence[ScriptedTarget] = (),
    max_attempts: int = 4,
    **members: object,
) -> Exchange:
    """An exchange that may ask these upstreams, or these targets."""
    ids = iter(range(1000))
    request = read_request({"model": "up/model", "input": "Hi", "stream": True, **members})
    return Exchange(
        request,
        targets or targets_of(*upstreams),
        is_strict=is_strict,
        request_id="req_1",
        mint_id=lambda prefix: f"{prefix}_{next(ids)}",
        running=RunningExchanges() if running is None else running,
        routing=RoutingSettings(max_attempts=max_attempts),
    )
