"""What the limits of keys cost a request, beside an exchange that answers from memory, in turns in the same run.

`python -m benchmarks.limits` prints it. With `--redis URL` also what it costs to share them: the CPU of this process,
and the time that a request waits. That Redis gets some keys of a made-up owner.
"""

import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import click
import uvloop

from benchmarks.routing import TOKENS, one_exchange
from gateway.access.keys import Key
from gateway.access.limiter import Limiter
from gateway.access.opening import open_counts
from gateway.settings import Limits, LimitsSettings
from gateway.telemetry.usage import Consumption

REQUESTS = 3000
EXCHANGES = 200
ROUNDS = 5
"""The best of so many: whatever else the machine does only adds."""

_MANY = 10**9
_KEY = Key("id", "benchmark", "name:benchmark")
_USED = Consumption(100, TOKENS, cost=0.001)
NONE = Limits()
ALL = Limits(
    requests_per_minute=_MANY,
    tokens_per_minute=_MANY,
    max_concurrency=_MANY,
    tokens_per_day=_MANY,
    cost_per_month=_MANY,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request, in seconds."""

    cpu: float
    wall: float


def measure(work: Callable[[Limiter], Awaitable[None]], times: int, redis: str = "") -> Cost:
    """What one turn of the work costs, of so many."""

    async def run() -> Cost:
        settings = LimitsSettings(redis=redis, redis_timeout_seconds=1, budgets_file="")
        limiter = Limiter(lambda _: None, *open_counts(settings))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(limiter.opened())
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(times):
                await work(limiter)
            return Cost((time.process_time() - cpu) / times, (time.perf_counter() - wall) / times)

    gc.collect()
    return uvloop.run(run())


def request_with(limits: Limits) -> Callable[[Limiter], Awaitable[None]]:
    """All that the limiter does for one request."""

    async def request(limiter: Limiter) -> None:
        if (admission := await limiter.admit(_KEY, limits)) is None:
            return
        await admission.take_tokens(lambda: 100)
        if limits is ALL and not admission.headers:
            raise RuntimeError("an answer does not tell of its limits")
        admission.end(_USED)

    return request


def exchange_cost() -> Cost:
    """An exchange, to compare with."""
    exchange = one_exchange()

    async def work(_: Limiter) -> None:
        await exchange()

    return measure(work, EXCHANGES)


@click.command()
@click.option("--redis", default="", metavar="URL", help="Measure what it costs to share them too.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Measure so often; the best counts.")
def main(redis: str, rounds: int) -> None:
    """Measure and print."""
    ways: dict[str, Callable[[], Cost]] = {
        f"an exchange of {TOKENS} tokens, to compare with": exchange_cost,
        "no limit": lambda: measure(request_with(NONE), REQUESTS),
        "every limit, in this process": lambda: measure(request_with(ALL), REQUESTS),
    }
    if redis:
        ways["every limit, in Redis"] = lambda: measure(request_with(ALL), REQUESTS // 5, redis)
    found = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    print(f"{'what the limits of a key cost a request':<44}{'CPU us':>8}{'ratio':>8}{'wait us':>9}")
    whole = min(next(iter(one.values())).cpu for one in found)
    for name in ways:
        cpu, wall = min(one[name].cpu for one in found), min(one[name].wall for one in found)
        print(f"{name:<44}{cpu * 1e6:>8.1f}{cpu / whole:>8.3f}{wall * 1e6:>9.1f}")


if __name__ == "__main__":
    main()
