"""How long a full garbage collection stops a process whose memory store is full.

`python -m benchmarks.collector` fills the store of the default bounds with responses of several sizes, one after the
other, and collects. Whoever is served at that moment waits so long.
"""

import asyncio
import gc
import secrets
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.settings import StateSettings
from gateway.store.opening import open_store
from gateway.store.protocol import Store
from gateway.store.records import Item, Record

COLLECTIONS = 5
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """Responses of one size."""

    name: str
    items: int
    head_bytes: int
    item_bytes: int
    events: int = 0


KINDS = (
    Kind("two tiny items", 2, 20, 20),
    Kind("four small items", 4, 200, 50),
    Kind("a usual answer", 3, 1500, 600),
    Kind("twenty items of an agent", 20, 1500, 1500),
    Kind("in the background, 60 events", 3, 1500, 600, 60),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A full store."""

    responses: int
    mebibytes: float
    first_seconds: float
    """Of the collection that is the first to see what was stored."""
    seconds: float
    """Of all later ones, the median."""


async def measure(kind: Kind, bounds: StateSettings) -> Measured:
    """Fill a store until it throws out what is old, and collect."""
    gc.collect()
    gc.freeze()
    store = open_store(bounds)
    assert store is not None
    before, stored = _resident_bytes(), 0
    while (await store.usage()).responses == stored:
        await _put(store, kind)
        stored += 1
    first, *later = (_collection() for _ in range(COLLECTIONS + 1))
    usage, mebibytes = await store.usage(), (_resident_bytes() - before) / 1_048_576
    await store.close()
    return Measured(usage.responses, mebibytes, first, statistics.median(later))


async def _put(store: Store, kind: Kind) -> None:
    record = Record("owner", f"resp_{secrets.token_hex(24)}", secrets.token_bytes(kind.head_bytes), 1)
    items = [
        Item(f"msg_{secrets.token_hex(24)}", secrets.token_bytes(kind.item_bytes), is_output=number % 2 == 1)
        for number in range(kind.items)
    ]
    await store.put(record, items)
    if kind.events:
        await store.log(record.owner, record.id, 0, [secrets.token_bytes(200) for _ in range(kind.events)])


def _collection() -> float:
    started = time.perf_counter()
    gc.collect()
    return time.perf_counter() - started


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


@click.command()
@click.option("--records", default=0, help="The most of each kind; as configured by default if 0.")
def main(records: int) -> None:
    """Measure and print."""
    print(f"{'responses of':<32}{'stored':>9}{'MiB':>6}{'first, ms':>11}{'later, ms':>11}")
    for kind in KINDS:
        found = asyncio.run(measure(kind, StateSettings(max_records=records)))
        times = f"{found.first_seconds * 1000:>11.1f}{found.seconds * 1000:>11.1f}"
        print(f"{kind.name:<32}{found.responses:>9,}{found.mebibytes:>6.0f}{times}")


if __name__ == "__main__":
    main()
