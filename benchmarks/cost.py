"""Fails when a token or a request has come to cost more than `benchmarks/cost.json` says.

`python -m benchmarks.cost` compares, `--update` writes the file. No clock is read: instructions, calls and blocks of
memory are counted, so that a busy machine changes nothing.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import orjson

from benchmarks.counts import Work, blocks_kept, calls, instructions
from benchmarks.routing import TOKENS, one_exchange
from benchmarks.translation import agent_request, chunks_of, plan_body, reads_of, translate_reads
from gateway.codec.json import dumps
from gateway.store.memory import MemoryStore
from gateway.store.records import Bounds

BASELINE = Path(__file__).with_name("cost.json")
TOLERANCE = 0.02
SLACK = 0.1
"""Of a count near zero: a block more in ten tokens or exchanges."""

FEW, MANY = 200, 1200
_MANY_EXCHANGES = 200
"""A few blocks more or less are the caches of the event loop; over so many, they do not count."""
ITEMS, TOOLS, REQUEST_BYTES = 60, 12, 60_000
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

Counts = dict[str, float]


def measure() -> Counts:
    """All counts, by what they are the counts of."""
    return {**_of_a_token(), **_of_a_request(), **_of_an_exchange(), **_of_storing()}


def _of_a_token() -> Counts:
    """What a token adds to a stream: the difference of two lengths, so that the beginning and the end fall out."""
    few, many = reads_of(chunks_of(FEW)), reads_of(chunks_of(MANY))

    def each(count: Callable[[Work], int]) -> float:
        return (count(lambda: translate_reads(many)) - count(lambda: translate_reads(few))) / (MANY - FEW)

    translate_reads(few)
    return {
        "translation: instructions a token": each(instructions),
        "translation: calls a token": each(calls),
        "translation: blocks kept a token": each(blocks_kept),
    }


def _of_a_request() -> Counts:
    body = dumps(agent_request(items=ITEMS, tools=TOOLS, size=REQUEST_BYTES))

    def work() -> None:
        plan_body(body)

    work()
    return {
        f"request of {ITEMS} items and {TOOLS} tools: instructions": instructions(work),
        f"request of {ITEMS} items and {TOOLS} tools: calls": calls(work),
    }


def _of_an_exchange() -> Counts:
    """A whole exchange in memory, with the event loop's own work."""
    exchange = one_exchange()
    _repeated(exchange, 2)()
    return {
        f"exchange of {TOKENS} tokens: instructions": _of_one(exchange, instructions),
        f"exchange of {TOKENS} tokens: calls": _of_one(exchange, calls),
        f"exchange of {TOKENS} tokens: blocks kept": _of_one(exchange, blocks_kept, _MANY_EXCHANGES),
    }


def _of_storing() -> Counts:
    """What it adds to such an exchange that its response is stored, in memory."""
    exchange, stored = one_exchange(), one_exchange(MemoryStore(Bounds()))
    _repeated(stored, 2)()
    return {
        "storing a response: instructions": _of_one(stored, instructions) - _of_one(exchange, instructions),
        "storing a response: calls": _of_one(stored, calls) - _of_one(exchange, calls),
    }


def _of_one(exchange: Callable[[], Awaitable[None]], count: Callable[[Work], int], times: int = 5) -> float:
    return (count(_repeated(exchange, times + 1)) - count(_repeated(exchange, 1))) / times


def _repeated(exchange: Callable[[], Awaitable[None]], times: int) -> Work:
    async def repeated() -> None:
        for _ in range(times):
            await exchange()

    return lambda: asyncio.run(repeated())


def regressions(found: Counts, baseline: Counts) -> list[str]:
    """A line for every count that has grown by more than the tolerance, or that the baseline does not have."""
    lines = [f"{name}: not in the baseline" for name in found if name not in baseline]
    lines += [f"{name}: no longer counted" for name in baseline if name not in found]
    for name in found.keys() & baseline.keys():
        if found[name] > baseline[name] + max(abs(baseline[name]) * TOLERANCE, SLACK):
            lines.append(f"{name}: {found[name]:.2f}, was {baseline[name]:.2f}")
    return sorted(lines)


@click.command()
@click.option("--update", is_flag=True, help="Write what was counted as the new baseline.")
def main(*, update: bool) -> None:
    """Count, and compare with the baseline of this version of Python."""
    found = measure()
    baselines: dict[str, Counts] = orjson.loads(BASELINE.read_bytes()) if BASELINE.exists() else {}
    baseline = baselines.get(PYTHON, {})
    for name, value in found.items():
        print(f"{name:<56}{value:>12.2f}{baseline.get(name, float('nan')):>12.2f}")
    if update:
        rounded = {name: round(value, 2) for name, value in found.items()}
        options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
        BASELINE.write_bytes(orjson.dumps(baselines | {PYTHON: rounded}, option=options))
        print(f"written for Python {PYTHON}")
    elif worse := regressions(found, baseline):
        print(f"\nworse than the baseline of Python {PYTHON}:", *worse, sep="\n  ")
        sys.exit("if that is meant: make cost-baseline, and say in the commit what it buys")


if __name__ == "__main__":
    main()
