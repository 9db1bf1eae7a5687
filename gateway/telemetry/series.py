"""Counters and histograms with labels, for what each request counts on.

Those of prometheus_client take a lock and six calls for a step. Here the event loop alone counts and collects, and a
step is an addition. What they show is the same.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import add

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Counters(Collector):
    """A counter for each combination of labels."""

    def __init__(self, registry: CollectorRegistry, name: str, told: str, labels: Sequence[str]) -> None:
        self._name = name
        self._told = told
        self._labels = labels
        self._counts: dict[Labels, int] = {}
        registry.register(self)

    def inc(self, *labels: str) -> None:
        """One more."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def describe(self) -> Iterable[Metric]:
        """The name, for the registry."""
        return [CounterMetricFamily(self._name, self._told, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """All series."""
        family = CounterMetricFamily(self._name, self._told, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        return [family]


class _Sums(Struct):
    """How many values were at most as large as each bound and larger than the one before it, then the rest."""

    counts: list[int]
    total: float = 0.0


class Histograms(Collector):
    """A histogram for each combination of labels; it takes single values, and whole streams of them at once.

    Args:
        registry: shows it.
        name: of the metric.
        told: what it is, for people.
        bounds: upper ones, growing.
        labels: their names.
    """

    def __init__(
        self, registry: CollectorRegistry, name: str, told: str, bounds: Sequence[float], labels: Sequence[str]
    ) -> None:
        self._name = name
        self._told = told
        self._bounds = bounds
        self._labels = labels
        self._sums: dict[Labels, _Sums] = {}
        registry.register(self)

    def observe(self, value: float, *labels: str) -> None:
        """One more value."""
        sums = self._of(labels)
        sums.counts[bisect_left(self._bounds, value)] += 1
        sums.total += value

    def add(self, counts: Iterable[int], total: float, *labels: str) -> None:
        """Values that somebody has sorted by the same bounds, and their sum."""
        sums = self._of(labels)
        sums.counts[:] = map(add, sums.counts, counts)
        sums.total += total

    def _of(self, labels: Labels) -> _Sums:
        if (sums := self._sums.get(labels)) is None:
            sums = self._sums[labels] = _Sums([0] * (len(self._bounds) + 1))
        return sums

    def describe(self) -> Iterable[Metric]:
        """The name, for the registry."""
        return [HistogramMetricFamily(self._name, self._told, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """All series."""
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, sums in self._sums.items():
            buckets = list(zip(bounds, map(float, accumulate(sums.counts)), strict=True))
            family.add_metric(labels, buckets, sums.total)
        return [family]
