"""What the application and a request carry, by typed keys."""

import asyncio
from dataclasses import dataclass, field

from aiohttp.web import AppKey, RequestKey

from gateway.access.keys import Key, KeyStore
from gateway.access.limiter import Admission, Limiter
from gateway.access.sealing import Sealer
from gateway.exchange.background import BackgroundRuns
from gateway.exchange.outcome import Outcome
from gateway.exchange.running import RunningExchanges
from gateway.store.protocol import Store
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.traces import RequestTrace, Traces
from gateway.web.current import Configured, Current
from gateway.web.load import HeldBody, Load
from gateway.web.open_streams import OpenStreams


@dataclass(slots=True)
class Readiness:
    """Whether the process takes traffic, and how much it has: the requests whose answer has not been made.

    A request counts while `with readiness:` runs for it.
    """

    is_draining: bool = False
    requests: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there is no request."""

    def __post_init__(self) -> None:
        self.idle.set()

    def __enter__(self) -> None:
        """One more request, until the end of the block."""
        self.requests += 1
        self.idle.clear()

    def __exit__(self, *_: object) -> None:
        self.requests -= 1
        if not self.requests:
            self.idle.set()


@dataclass(frozen=True, slots=True)
class State:
    """What is stored, and what is made in the background; nothing on a gateway that stores nothing."""

    store: Store | None = None
    runs: BackgroundRuns | None = None


CURRENT = AppKey("current", Current)
KEYS = AppKey("keys", KeyStore)
LIMITER = AppKey("limiter", Limiter)
LOAD = AppKey("load", Load)
SEALER = AppKey("sealer", Sealer)
TRACES = AppKey("traces", Traces)
"""Only there where traces are made."""
RUNNING = AppKey("running", RunningExchanges)
READINESS = AppKey("readiness", Readiness)
METRICS = AppKey("metrics", Metrics)
STREAMS = AppKey("streams", OpenStreams)
STATE = AppKey("state", State)

CONFIGURED = RequestKey("configured", Configured)
"""What was in force when it began."""
REQUEST_ID = RequestKey("request_id", str)
STARTED = RequestKey("started", float)
"""When its first byte came, on the monotonic clock."""
CALLER = RequestKey("caller", Key)
ADMISSION = RequestKey("admission", Admission)
BODY = RequestKey("body", HeldBody)
OUTCOME = RequestKey("outcome", Outcome)
ASKED = RequestKey("asked", dict)
"""The body of a request; only where bodies are logged."""
TRACE = RequestKey("trace", RequestTrace)
MODEL = RequestKey("model", str)
HAS_BEGUN = RequestKey("has_begun", bool)
"""Set once the answer's head is made: no other answer can be given then."""
