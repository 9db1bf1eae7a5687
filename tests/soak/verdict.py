"""What the samples of a soak say: whether anything grows, and whether everything comes back."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MEGABYTE = 2**20

WARM_UP = 0.3
"""The share of the time in which caches fill and the allocator finds its size."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The gateway at one moment."""

    seconds: float
    memory: int
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
        return f"{word} {self.name}: {self.value:.3g} {self.unit} (at most {self.most:g})"


def growth(samples: Sequence[Sample]) -> float:
    """By how many bytes the memory of the last third of the time is above that of the first, after the warm-up.

    Large bodies come and go, and the memory with them: what counts is how low it still gets, the lowest tenth.
    """
    settled = [sample.memory for sample in samples[int(len(samples) * WARM_UP) :]]
    third = max(2, len(settled) // 3)
    return _floor(settled[-third:]) - _floor(settled[:third])


def _floor(values: Sequence[int]) -> float:
    return statistics.quantiles(values, n=10)[0]


def slope(samples: Sequence[Sample]) -> float:
    """The bytes that the memory grows in an hour, as the line through all samples after the warm-up has it."""
    settled = samples[int(len(samples) * WARM_UP) :]
    if len(settled) < 2:
        return 0.0
    fit = statistics.linear_regression([one.seconds for one in settled], [float(one.memory) for one in settled])
    return fit.slope * 3600


def findings(before: Sample, samples: Sequence[Sample], after: Sample, *, most_growth: float) -> list[Finding]:
    """What is held against the gateway.

    Args:
        before: idle, after everything has been asked for once.
        samples: while it worked.
        after: idle again.
        most_growth: what the memory may grow from the first third to the last, in bytes.
    """
    return [
        Finding("memory, growth after the warm-up", growth(samples) / MEGABYTE, most_growth / MEGABYTE, "MiB"),
        Finding("tasks left", after.tasks - before.tasks, 2),
        Finding("descriptors left", after.descriptors - before.descriptors, 2),
        Finding("streams left", after.streams, 0),
        Finding("upstream calls left", after.at_upstreams, 0),
    ]
