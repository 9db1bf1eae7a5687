"""What the application carries, by typed keys, and what a request does, in one object."""

import asyncio
from dataclasses import dataclass, field

from aiohttp.web import AppKey, Application, RequestKey

from gateway.access.keys import Key, KeyStore
from gateway.access.limiter import Admission, Limiter
from gateway.access.sealing import Sealer
from gateway.codec.json import JSONObject
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
        if self.requests == 1:
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


@dataclass(slots=True, eq=False)
class Visit:
    """One request to the application, and how far the gateway has come with it.

    Args:
        app: what is asked.
        id: goes into the log and to the client.
        started: when its first byte came, on the monotonic clock.
        configured: what was in force when it began.
    """

    app: Application
    id: str
    started: float
    configured: Configured
    caller: Key | None = None
    """Whose key it carries; nobody's on a gateway without keys."""
    admission: Admission | None = None
    body: HeldBody | None = None
    model: str = ""
    """What it asks for, once that is known."""
    outcome: Outcome | None = None
    trace: RequestTrace | None = None
    asked: JSONObject | None = None
    """Its body; only where bodies are logged."""
    has_begun: bool = False
    """Whether the answer's head is made: no other answer can be given then."""

    @property
    def owner(self) -> str:
        """Whom that what is kept or sealed for it belongs to; on an open gateway it is everybody's."""
        return self.caller.owner if self.caller is not None else ""


VISIT = RequestKey("visit", Visit)
