"""A histogram that takes whole streams at once: what each pause was is sorted while the stream runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add

from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.telemetry.pace import GAP_BOUNDS, Pace


@dataclass(slots=True)
class _Sums:
    """The pauses of some streams: how many of each length, and their seconds."""

    gaps: list[int] = field(default_factory=lambda: [0] * (len(GAP_BOUNDS) + 1))
    total: float = 0.0


class GapHistogram(Collector):
    """The pauses of all streams, by labels."""

    def __init__(self, name: str, told: str, labels: Sequence[str]) -> None:
        self._name = name
        self._told = told
        self._labels = labels
        self._sums: dict[tuple[str, ...], _Sums] = {}

    def add(self, labels: tuple[str, ...], pace: Pace) -> None:
        """A stream is over."""
        if (known := self._sums.get(labels)) is None:
            known = self._sums[labels] = _Sums()
        known.gaps = list(map(add, known.gaps, pace.gaps))
        known.total += pace.total

    def describe(self) -> Iterable[Metric]:
        """The name, for the registry."""
        return [HistogramMetricFamily(self._name, self._told, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """All series."""
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        bounds = [*map(floatToGoString, GAP_BOUNDS), "+Inf"]
        for labels, known in self._sums.items():
            buckets = list(zip(bounds, map(float, accumulate(known.gaps)), strict=True))
            family.add_metric(labels, buckets, known.total)
        return [family]
