"""What the samples of a soak say: whether anything grows, and whether everything comes back."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MEGABYTE = 2**20

WARM_UP = 0.3
"""The share of the time in which caches fill and the allocator finds its size."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The gateway at one moment."""

    seconds: float
    memory: int
    """Bytes that are resident."""
    blocks: int
    """Of Python's memory: exact, whatever the allocator keeps."""
    descriptors: int
    tasks: int
    streams: int
    at_upstreams: int
    """Requests that the upstreams are answering."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure, and whether it may be so."""

    name: str
    value: float
    most: float
    unit: str = ""

    @property
    def is_good(self) -> bool:
        return self.value <= self.most

    def __str__(self) -> str:
        word = "ok " if self.is_good else "BAD"
        return f"{word} {self.name}: {self.value:,.6g} {self.unit} (at most {self.most:,g})"


def growth(samples: Sequence[Sample], what: Callable[[Sample], float]) -> float:
    """By how much something grows in an hour, if it grows all the time; what fills up once does not count.

    The time after the warm-up is cut into thirds, and of each the lowest tenth counts, since what is under way comes
    and goes. A leak makes the second third higher than the first, and the last as much higher than the second. A
    cache that fills, or a large body after which the allocator keeps some room, does one of the two: the smaller counts.
    """
    settled = samples[int(len(samples) * WARM_UP) :]
    third = max(2, len(settled) // 3)
    parts = settled[:third], settled[third:-third], settled[-third:]
    first, second, last = (_floor([what(one) for one in part]) for part in parts)
    hours = (parts[2][0].seconds - parts[0][0].seconds) / 2 / 3600
    return min(second - first, last - second) / hours


def _floor(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[0]


def slope(samples: Sequence[Sample]) -> float:
    """The bytes that the memory grows in an hour, as the line through all samples after the warm-up has it."""
    settled = samples[int(len(samples) * WARM_UP) :]
    if len(settled) < 2:
        return 0.0
    fit = statistics.linear_regression([one.seconds for one in settled], [float(one.memory) for one in settled])
    return fit.slope * 3600


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is let pass, in half an hour and more of seventy acts a second.

    Fifty bytes that each act leaves are 12 MiB an hour. A block of Python's memory that each leaves makes 250,000 an
    hour, and 125,000 after half of one; some 30,000 may wait for the garbage collector, which comes every few minutes.
    """

    memory_an_hour: float = 5 * MEGABYTE
    blocks_an_hour: float = 100_000
    blocks_left: float = 40_000


def findings(before: Sample, samples: Sequence[Sample], after: Sample, bounds: Bounds) -> list[Finding]:
    """What is held against the gateway.

    Args:
        before: idle, after everything has been asked for once.
        samples: while it worked.
        after: idle again.
        bounds: of what may grow.
    """
    memory, blocks = growth(samples, lambda one: one.memory), growth(samples, lambda one: one.blocks)
    return [
        Finding("memory that goes on growing", memory / MEGABYTE, bounds.memory_an_hour / MEGABYTE, "MiB an hour"),
        Finding("blocks of Python that go on growing", blocks, bounds.blocks_an_hour, "an hour"),
        Finding("blocks of Python left", after.blocks - before.blocks, bounds.blocks_left),
        Finding("tasks left", after.tasks - before.tasks, 2),
        Finding("descriptors left", after.descriptors - before.descriptors, 2),
        Finding("streams left", after.streams, 0),
        Finding("upstream calls left", after.at_upstreams, 0),
    ]
