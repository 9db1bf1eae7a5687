"""How long an exchange waits for its upstream: the first byte, the next bytes, and all in all.

Silence counts only while the gateway reads: a slow client does not make its upstream late. What happens for every
token is one look at the clock; a timer is armed again only when it fires.
"""

import asyncio
from types import TracebackType
from typing import Self

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.telemetry.pace import Pace


def _timeout(code: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.TIMEOUT, message, code=code)


class Deadline:
    """The time limits of one exchange with a provider, in seconds on the loop's monotonic clock.

    Use it as `async with deadline:`; when the block ends with `TimeoutError`, `error` says why.
    """

    __slots__ = (
        "_heard_at",
        "_idle",
        "_is_held",
        "_loop",
        "_patience",
        "_scope",
        "_timer",
        "_waits_for_client",
        "error",
        "pace",
    )

    def __init__(self, provider: ProviderSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = provider.idle_timeout_seconds
        self._patience = provider.first_byte_timeout_seconds
        self._heard_at: float | None = None
        self._waits_for_client = False
        self._is_held = False
        self._timer: asyncio.TimerHandle | None = None
        self._scope = asyncio.timeout(provider.total_timeout_seconds)
        self.error = _timeout("upstream_total_timeout", "The answer took too long.")
        self.pace: Pace | None = None
        """Gets the moments at which something goes to the client; they need no clock of their own."""

    async def __aenter__(self) -> Self:
        self._arm(self._patience)
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disarm()
        await self._scope.__aexit__(kind, error, trace)

    def hold(self) -> None:
        """The upstream is not asked yet: until it is, only the total limit counts."""
        self._disarm()
        self._is_held = True

    def ask(self) -> None:
        """The upstream is asked now."""
        if self._is_held:
            self._is_held = False
            self._arm(self._patience)

    def bytes_came(self) -> None:
        """The upstream is alive: the idle time begins again, and counts."""
        if self._heard_at is None:
            self._arm(self._idle)
        self._heard_at = self._loop.time()
        self._waits_for_client = False

    def suspend(self) -> None:
        """The gateway waits for the client, not for the upstream: until bytes come, only the total limit counts."""
        self._waits_for_client = True
        if self.pace is not None and self._heard_at is not None:
            self.pace.note(self._heard_at)

    def resume(self) -> None:
        """The client did not let the gateway wait."""
        self._waits_for_client = False

    def finish(self) -> None:
        """The upstream has said all that counts: only the total limit is left."""
        self._disarm()

    def expire(self, error: GatewayError) -> None:
        """Ends the exchange now, for this reason, unless it is ending already."""
        if not self._scope.expired():
            self.error = error
            self._scope.reschedule(self._loop.time())

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, self._look)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        if self._waits_for_client:
            self._arm(self._idle)
        elif self._heard_at is None:
            message = "The upstream did not begin its answer in time."
            self.expire(_timeout("upstream_first_byte_timeout", message))
        elif (left := self._heard_at + self._idle - self._loop.time()) > 0:
            self._arm(left)
        else:
            self.expire(_timeout("upstream_idle_timeout", "The upstream was silent for too long."))
