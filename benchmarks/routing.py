"""What failover, queue and breaker cost a request that needs none of them, as a ratio in the same run.

`python -m benchmarks.routing` prints it. Exchanges run against an upstream that answers from memory: once straight
from the translation's calls, as a gateway without any routing would, once through an exchange with one target, and
once with four targets and every limit switched on, of which the first one answers.
"""

import asyncio
import gc
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import click

from gateway.codec.json import dumps
from gateway.exchange.exchange import Exchange
from gateway.exchange.keeping import Keeping
from gateway.exchange.ports import Answer, ChatUpstream
from gateway.exchange.running import RunningExchanges
from gateway.settings import ProviderSettings
from gateway.spec.requests import CreateRequest
from gateway.store.protocol import Store
from gateway.translate.request import plan, read_request
from gateway.translate.translation import Translation
from gateway.upstream.gate import Gate
from gateway.upstream.refusals import Refusals

TOKENS = 64
EXCHANGES = 300
ROUNDS = 7
"""The best of so many: whatever else the machine does only adds."""

_CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" word"}}]}\n\n'
_END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@dataclass(slots=True)
class _Answer:
    chunks: list[bytes]

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return self.chunks.pop() if self.chunks else b""

    @property
    def is_whole(self) -> bool:
        return not self.chunks

    async def feed(self, take: Callable[[bytes], bool]) -> None:
        while take(chunk := await self.read()) and chunk:
            pass

    def close(self) -> None:
        """There is no connection."""


def _answer() -> _Answer:
    return _Answer([_END, *[_CHUNK] * TOKENS])


@dataclass(frozen=True, slots=True)
class _Upstream:
    settings: ProviderSettings
    refusals: Refusals

    async def open_answer(self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False) -> Answer:
        await asyncio.sleep(0)
        return _answer()


@dataclass(frozen=True, slots=True)
class _Target:
    upstream: ChatUpstream
    gate: Gate
    model: str = "model"


class _Client:
    """Takes everything and keeps nothing."""

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Takes the head."""

    def put(self, frames: bytes, _now: float, /) -> bool:
        """Takes the frames."""
        return True

    async def room(self) -> None:
        """There always is."""

    async def write(self, frames: bytes) -> None:
        """Takes the frames."""

    async def finish(self, frames: bytes = b"") -> None:
        """Takes the end."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one exchange, in three ways."""

    bare: float
    one_target: float
    four_targets: float

    @property
    def ratio(self) -> float:
        """What four targets with every limit cost, against one with none."""
        return self.four_targets / self.one_target


def routing_cost(*, exchanges: int = EXCHANGES, rounds: int = ROUNDS) -> Cost:
    """The three ways in turns, so that a change of the machine's speed meets all."""
    ways = (_bare, one_exchange(), _exchanging(_targets(4, max_concurrency=64, retry_budget=0.2)))
    measured = [[_cpu_seconds(way, exchanges) for way in ways] for _ in range(rounds)]
    bare, one, four = (min(column) / exchanges for column in zip(*measured, strict=True))
    return Cost(bare, one, four)


def one_exchange(store: Store | None = None) -> Callable[[], Awaitable[None]]:
    """An exchange with one target and no limits, to be run as often as one likes; stored, if there is a store."""
    return _exchanging(_targets(1), store)


def _targets(number: int, *, max_concurrency: int = 0, retry_budget: float = 0) -> list[_Target]:
    found = []
    for index in range(number):
        settings = ProviderSettings(
            name=f"up{index}",
            base_url="http://127.0.0.1/v1",
            max_concurrency=max_concurrency,
            retry_budget=retry_budget,
        )
        found.append(_Target(_Upstream(settings, Refusals(settings.name)), Gate(settings)))
    return found


def _request() -> CreateRequest:
    return read_request({"model": "m", "input": "Tell a story.", "stream": True})


async def _bare() -> None:
    provider = ProviderSettings(name="up", base_url="http://127.0.0.1/v1")
    planned = plan(_request(), model="model", quirks=provider.quirks, strict=False)
    body, client, answer = dumps(planned.body), _Client(), _answer()
    translation = Translation(
        planned,
        provider,
        mint_id=lambda prefix: f"{prefix}_1",
        created_at=1,
        now=lambda: int(time.time()),
        input_bytes=len(body),
    )
    await asyncio.sleep(0)
    await client.start(translation.begin(), [])
    while not translation.is_over:
        await client.write(translation.feed(await answer.read()))
    await client.finish()


def _exchanging(targets: list[_Target], store: Store | None = None) -> Callable[[], Awaitable[None]]:
    running, numbers = RunningExchanges(), itertools.count()

    def mint_id(prefix: str) -> str:
        return f"{prefix}_{next(numbers)}"

    async def exchange() -> None:
        request = _request()
        one = Exchange(
            request,
            targets,
            is_strict=False,
            request_id="req_1",
            mint_id=mint_id,
            running=running,
            keeping=Keeping(store, "owner", request, mint_id) if store is not None else None,
        )
        await one.stream(_Client(), commit_after=5)
        if one.outcome.termination != "completed":
            raise RuntimeError(f"an exchange ended as {one.outcome.termination}")

    return exchange


def _cpu_seconds(way: Callable[[], Awaitable[None]], exchanges: int) -> float:
    async def run() -> float:
        started = time.process_time()
        for _ in range(exchanges):
            await way()
        return time.process_time() - started

    gc.collect()
    return asyncio.run(run())


@click.command()
@click.option("--rounds", default=ROUNDS, show_default=True, help="Measure so often; the best counts.")
@click.option("--exchanges", default=EXCHANGES, show_default=True, help="Requests in each round.")
def main(rounds: int, exchanges: int) -> None:
    """Measure and print."""
    cost = routing_cost(exchanges=exchanges, rounds=rounds)
    print(f"{f'one request of {TOKENS} tokens':<44}{'us':>8}{'ratio':>8}")
    for name, seconds in (
        ("the translation alone", cost.bare),
        ("an exchange, one target, no limits", cost.one_target),
        ("an exchange, four targets, every limit", cost.four_targets),
    ):
        print(f"{name:<44}{seconds * 1e6:>8.0f}{seconds / cost.one_target:>8.2f}")


if __name__ == "__main__":
    main()
