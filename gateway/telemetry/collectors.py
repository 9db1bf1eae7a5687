"""Metrics that are read when somebody asks for them: what is under way, what upstreams do, what is stored and used."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.access.counts import Sharing
from gateway.store.guard import Health
from gateway.store.protocol import Store, StoreError
from gateway.store.records import StoreUsage
from gateway.telemetry.usage import Sum, UsageTotals
from gateway.upstream.gate import Gate

_log = logging.getLogger(__name__)

_STORE_SECONDS = 2.0
_ACCOUNT = ("key", "model", "provider")


@dataclass(frozen=True, slots=True)
class Reading:
    """One number that is read when it is asked for."""

    name: str
    told: str
    read: Callable[[], float]


class Readings(Collector):
    """Gauges without labels."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return [GaugeMetricFamily(one.name, one.told) for one in self._readings]

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return [GaugeMetricFamily(one.name, one.told, value=one.read()) for one in self._readings]


class UsageCollector(Collector):
    """What requests used, by key, model and provider."""

    def __init__(self, totals: UsageTotals) -> None:
        self._totals = totals

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """All series."""
        families = self._families()
        tokens, *others = families
        for account, used in self._totals.sums.items():
            labels = (account.key, account.model, account.provider)
            tokens.add_metric((*labels, "input"), used.input_tokens)
            tokens.add_metric((*labels, "output"), used.output_tokens)
            for family, value in zip(others, _values(used), strict=True):
                family.add_metric(labels, value)
        return families

    def _families(self) -> list[CounterMetricFamily]:
        told = (
            ("gateway_usage_requests", "Requests that used tokens."),
            ("gateway_usage_estimated_requests", "Those of them whose tokens were guessed from the number of bytes."),
            ("gateway_cached_tokens", "The part of the input that the upstream had in its cache."),
            ("gateway_reasoning_tokens", "The part of the output that was reasoning."),
            ("gateway_cost", "What requests cost by `prices`, in whatever currency these are."),
        )
        tokens = CounterMetricFamily("gateway_tokens", "Tokens that were used.", labels=(*_ACCOUNT, "direction"))
        return [tokens, *(CounterMetricFamily(name, text, labels=_ACCOUNT) for name, text in told)]


def _values(used: Sum) -> tuple[float, ...]:
    return used.requests, used.estimated_requests, used.cached_tokens, used.reasoning_tokens, used.cost


class UpstreamCollector(Collector):
    """The gates of the upstreams.

    Args:
        gates: by the provider's name; asked each time, since a reload may have made others.
    """

    def __init__(self, gates: Callable[[], Mapping[str, Gate]]) -> None:
        self._gates = gates

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """All series."""
        families = self._families()
        for provider, gate in self._gates().items():
            values = (gate.breaker.is_open, gate.breaker.openings, gate.slots.taken, gate.slots.waiting)
            for family, value in zip(families, values, strict=True):
                family.add_metric([provider], value)
        return families

    def _families(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        labels = ("provider",)
        return [
            GaugeMetricFamily("gateway_upstream_breaker_open", "1 while the upstream is left alone.", labels=labels),
            CounterMetricFamily("gateway_upstream_breaker_openings", "How often its breaker opened.", labels=labels),
            GaugeMetricFamily("gateway_upstream_requests", "Requests that it has at the moment.", labels=labels),
            GaugeMetricFamily("gateway_upstream_queued", "Requests that wait for their turn.", labels=labels),
        ]


class SharingCollector(Collector):
    """Whether limits are shared with other processes.

    Args:
        sharing: says how it does; None where each process counts for itself, which has no series.
    """

    def __init__(self, sharing: Callable[[], Sharing | None]) -> None:
        self._sharing = sharing

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """Both series."""
        up, losses = families = self._families()
        if (sharing := self._sharing()) is not None:
            up.add_metric([], sharing.is_up)
            losses.add_metric([], sharing.losses)
        return families

    def _families(self) -> tuple[GaugeMetricFamily, CounterMetricFamily]:
        return (
            GaugeMetricFamily("gateway_limits_shared", "1 while limits are counted in Redis, 0 without it.", labels=()),
            CounterMetricFamily("gateway_limits_redis_losses", "How often Redis was lost.", labels=()),
        )


class StoreCollector(Collector):
    """How much is stored, as of the last `refresh`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usage: StoreUsage | None = None

    async def refresh(self) -> None:
        """Asks the store, which counts as down when it cannot say."""
        self._usage = None
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                self._usage = await self._store.usage()
        except (StoreError, TimeoutError) as failure:
            _log.debug("the store does not say how much it holds", exc_info=failure)

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """All series; only `gateway_store_up` while the store is down."""
        up, *others = families = self._families()
        up.add_metric([], self._usage is not None)
        if self._usage is not None:
            values = (self._usage.responses, self._usage.conversations, self._usage.bytes)
            for family, value in zip(others, values, strict=True):
                family.add_metric([], value)
        return families

    def _families(self) -> list[GaugeMetricFamily]:
        return [
            GaugeMetricFamily("gateway_store_up", "1 if the store could say how much it holds.", labels=()),
            GaugeMetricFamily("gateway_store_responses", "Responses that are stored.", labels=()),
            GaugeMetricFamily("gateway_store_conversations", "Conversations that are stored.", labels=()),
            GaugeMetricFamily("gateway_store_bytes", "The bytes of all that is stored.", labels=()),
        ]


class DatabaseCollector(Collector):
    """How the database of the store does.

    Args:
        health: what its guard has counted; None for a store without one, which has no series.
    """

    def __init__(self, health: Health | None) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        """The names, for the registry."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """All series."""
        families, health = self._families(), self._health
        if health is None:
            return families
        counted = (health.operations, health.errors, health.refused, health.seconds)
        values = (*counted, health.pending, health.pending_bytes, health.is_open)
        for family, value in zip(families, values, strict=True):
            family.add_metric([], value)
        return families

    def _families(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        counters = (
            ("operations", "What the database was asked."),
            ("errors", "What of it failed."),
            ("refused", "What it was not even asked: too much waited, or it was left alone."),
            ("seconds", "The time that it took."),
        )
        gauges = (
            ("pending", "What waits for the database."),
            ("pending_bytes", "The bytes of what waits for it."),
            ("left_alone", "1 while it is left alone, since it has failed."),
        )
        return [
            *(CounterMetricFamily(f"gateway_database_{name}", told, labels=()) for name, told in counters),
            *(GaugeMetricFamily(f"gateway_database_{name}", told, labels=()) for name, told in gauges),
        ]
