"""What the application works with, in one object, and whether it takes traffic."""

import asyncio
from dataclasses import dataclass, field

from aiohttp.web import AppKey

from gateway.access.keys import KeyStore
from gateway.access.limiter import Limiter
from gateway.access.sealing import Sealer
from gateway.exchange.background import BackgroundRuns
from gateway.exchange.running import RunningExchanges
from gateway.store.protocol import Store
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.traces import Traces
from gateway.web.current import Current
from gateway.web.load import Load
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


@dataclass(slots=True, eq=False, kw_only=True)
class Services:
    """All that lives as long as the application, and that its requests share."""

    current: Current
    keys: KeyStore
    sealer: Sealer
    limiter: Limiter
    load: Load
    streams: OpenStreams
    running: RunningExchanges
    readiness: Readiness
    metrics: Metrics
    state: State
    traces: Traces | None = None
    """None where none are made."""


SERVICES = AppKey("services", Services)
