"""The metrics of a process: every instrument that something counts on, and how a finished request is counted.

Nothing here is called for a token. Labels are bounded: words of closed lists, names of the configuration, and a few
names of models that were answered. What is read only when somebody looks is in `gateway.telemetry.collectors`.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, Info, ProcessCollector
from prometheus_client import disable_created_metrics as leave_out_times_of_creation

from gateway import __version__
from gateway.telemetry.labels import OTHER, Names
from gateway.telemetry.pace import GAP_BOUNDS
from gateway.telemetry.report import Report, Work
from gateway.telemetry.series import Counters, Histograms
from gateway.telemetry.usage import Account, UsageTotals

_MOST_MODELS = 30
"""Models that no line of the configuration names and that were answered all the same, each with its own series."""

_MOST_DROPPED = 100
_REQUEST_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_FIRST_TOKEN_BOUNDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)
_LAG_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)

# Twice as many series otherwise, which nobody asks for.
leave_out_times_of_creation()  # type: ignore[no-untyped-call]

_PLACE = re.compile(r"\[\d+\]")


class Instruments:
    """Everything that is counted when it happens; a new one belongs here, and its name into the dashboard or alerts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counters(
            registry,
            "gateway_requests",
            "Requests that are over, but for those of the health probes; the sum is that of all terminations.",
            ("route", "status", "termination"),
        )
        self.request_seconds = Histograms(
            registry,
            "gateway_request_seconds",
            "From the first byte of a request to the end of its answer.",
            _REQUEST_BOUNDS,
            ("route",),
        )
        self.malformed = Counter(
            "gateway_malformed_requests", "Bytes of clients that were no HTTP request at all.", registry=registry
        )
        self.refused = Counters(
            registry,
            "gateway_refused_requests",
            "Requests that a limit of their key or a cap of the process did not let in.",
            ("limit",),
        )
        self.first_token = Histograms(
            registry,
            "gateway_first_token_seconds",
            "From the first byte of a request to the first words of its stream.",
            _FIRST_TOKEN_BOUNDS,
            ("provider", "model"),
        )
        self.gaps = Histograms(
            registry,
            "gateway_token_gap_seconds",
            "Between two pieces of a stream as they went to the client.",
            GAP_BOUNDS,
            ("provider", "model"),
        )
        self.background = Counters(
            registry, "gateway_background_responses", "Responses in the background that are over.", ("termination",)
        )
        self.attempts = Counters(
            registry,
            "gateway_upstream_attempts",
            "Requests to upstreams by how they went, in the words of x-gateway-attempts.",
            ("provider", "result"),
        )
        self.dropped = Counters(
            registry,
            "gateway_dropped_fields",
            "Requests of which this member could not be carried over whole.",
            ("field",),
        )
        self.loop_lag = Histogram(
            "gateway_loop_lag_seconds",
            "How much too late the event loop came to a timer, looked at four times a second.",
            buckets=_LAG_BOUNDS,
            registry=registry,
        )
        about = Info("gateway", "Which gateway this is.", registry=registry)
        about.info({"version": __version__})


@dataclass(slots=True)
class Metrics:
    """The registry of one application and what counts on it.

    Args:
        is_model: whether the configuration names a model.
        is_field: whether a word is the name of a member of the API.
        usage: gets what each request used.
    """

    is_model: Callable[[str], bool]
    is_field: Callable[[str], bool]
    usage: UsageTotals = field(default_factory=UsageTotals)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    asked_first: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What answers in its own time, and is therefore asked before the metrics are collected."""
    instruments: Instruments = field(init=False)
    _models: Names = field(init=False)
    _dropped: Names = field(init=False)

    def __post_init__(self) -> None:
        self.instruments = Instruments(self.registry)
        self._models = Names(self.is_model, _MOST_MODELS)
        self._dropped = Names(self.is_field, _MOST_DROPPED)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        blocks = Gauge(
            "python_allocated_blocks", "Blocks of memory that Python's objects have.", registry=self.registry
        )
        blocks.set_function(sys.getallocatedblocks)

    def count(self, report: Report) -> None:
        """A request is over."""
        instruments, route = self.instruments, report.route or OTHER
        instruments.requests.inc(route, str(report.status), report.work.termination)
        instruments.request_seconds.observe(report.seconds, route)
        self._count_work(report.work)

    def count_refusal(self, limit: str) -> None:
        """A limit, one of a closed list, has refused a request."""
        self.instruments.refused.inc(limit)

    def count_background(self, work: Work) -> None:
        """A response in the background is over."""
        self.instruments.background.inc(work.termination)
        self._count_work(work)

    def _count_work(self, work: Work) -> None:
        if not work.provider:
            return
        instruments, provider = self.instruments, work.provider
        model = self._models.label(work.model, is_proven=work.termination in ("completed", "incomplete"))
        if work.consumption is not None:
            self.usage.add(Account(work.key, model, provider), work.consumption)
        if (pace := work.pace) is not None and work.first_token_seconds is not None:
            instruments.first_token.observe(work.first_token_seconds, provider, model)
            instruments.gaps.add(pace.gaps, pace.total, provider, model)
        for attempt in work.attempts:
            instruments.attempts.inc(*_read_attempt(attempt))
        for name in set(map(self._dropped_label, work.dropped)):
            instruments.dropped.inc(name)

    def _dropped_label(self, entry: str) -> str:
        """The place in the request without its numbers; the name of a member that nobody knows is the client's."""
        place = _PLACE.sub("", entry.partition(":")[0])
        return self._dropped.label(place, is_proven=self.is_field(place.partition(".")[0]))


def _read_attempt(entry: str) -> tuple[str, str]:
    """Provider and result of `provider/model:result`; no provider's name has a slash."""
    target, _, result = entry.rpartition(":")
    return target.partition("/")[0], result
