"""What a request does, from its first byte to its log line, in one object."""

from dataclasses import dataclass

from aiohttp.web import RequestKey

from gateway.access.keys import Key
from gateway.access.limiter import Admission
from gateway.codec.json import JSONObject
from gateway.exchange.outcome import Outcome
from gateway.telemetry.traces import RequestTrace
from gateway.web.current import Configured
from gateway.web.load import HeldBody
from gateway.web.services import Services


@dataclass(slots=True, eq=False)
class Visit:
    """One request to the application, and how far the gateway has come with it.

    Args:
        services: what the application works with.
        id: goes into the log and to the client.
        started: when its first byte came, on the monotonic clock.
        configured: what was in force when it began.
    """

    services: Services
    id: str
    started: float
    configured: Configured
    caller: Key | None = None
    """Whose key it carries; nobody's on a gateway without keys."""
    admission: Admission | None = None
    """None until it is let in, and where nothing is limited."""
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
