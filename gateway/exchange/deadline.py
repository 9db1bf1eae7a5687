"""How long an exchange waits for its upstream: the first byte, the next bytes, and all in all.

Silence counts only while the gateway reads: a slow client does not make its upstream late. One alarm looks at all
limits now and then, so that a token costs no more than a look at the clock, and a short exchange one alarm.
"""

import asyncio
from types import TracebackType
from typing import Self

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.alarms import alarms_of
from gateway.settings import ProviderSettings
from gateway.telemetry.pace import Pace


def _timeout(code: str, message: str) -> GatewayError:
    return GatewayError(ErrorKind.TIMEOUT, message, code=code)


class Deadline:
    """The time limits of one exchange with a provider, in seconds on the loop's monotonic clock.

    Use it as `with deadline:` in a task; when the block ends with `TimeoutError`, `error` says why. It is what
    `asyncio.timeout` is, which takes three times as many steps for a limit that is hardly ever reached.
    """

    __slots__ = (
        "_alarms",
        "_asked_at",
        "_cancelling",
        "_ending",
        "_error",
        "_has_cancelled",
        "_heard_at",
        "_is_silence_fine",
        "_loop",
        "_moment",
        "_over_at",
        "_provider",
        "_task",
        "_waits_for_client",
        "pace",
    )

    def __init__(self, provider: ProviderSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._alarms = alarms_of(self._loop)
        self._moment = 0
        self._provider = provider
        self._asked_at = self._loop.time()
        self._over_at = self._asked_at + provider.total_timeout_seconds
        self._heard_at: float | None = None
        self._waits_for_client = False
        self._is_silence_fine = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        """How often the task had been cancelled when the block began."""
        self._ending: asyncio.Handle | None = None
        self._has_cancelled = False
        self._error: GatewayError | None = None
        self.pace: Pace | None = None
        """Gets the moments at which something goes to the client."""

    @property
    def error(self) -> GatewayError:
        """Why the time is up."""
        return self._error or _timeout("upstream_total_timeout", "The answer took too long.")

    def __enter__(self) -> Self:
        if (task := asyncio.current_task(self._loop)) is None:
            raise RuntimeError("nothing but a task can be ended")
        self._task, self._cancelling = task, task.cancelling()
        self._arm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarms.unset(self, self._moment)
        if self._ending is not None:
            self._ending.cancel()
        task, self._task = self._task, None
        if task is None or not self._has_cancelled:
            return
        # Somebody else may have cancelled the task as well: then it is not only the time that is up.
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def hold(self) -> None:
        """The upstream is not asked yet: until it is, only the total limit counts."""
        self._is_silence_fine = True

    def ask(self) -> None:
        """The upstream is asked now."""
        if self._is_silence_fine:
            self._is_silence_fine = False
            self._asked_at = self._loop.time()
            self._alarms.unset(self, self._moment)
            self._arm()

    def bytes_came(self) -> None:
        """The upstream is alive: the idle time begins again, and counts."""
        self._heard_at = self._loop.time()
        self._waits_for_client = False

    def words_came(self) -> float:
        """The same, and what the upstream has said goes to the client now; returns the time of the loop.

        A token is worth one look at the clock for all who need it.
        """
        self._heard_at = now = self._loop.time()
        self._waits_for_client = False
        if self.pace is not None:
            self.pace.note(now)
        return now

    def suspend(self) -> None:
        """The gateway waits for the client, not for the upstream: until bytes come, only the total limit counts."""
        self._waits_for_client = True

    def finish(self) -> None:
        """The upstream has said all that counts: only the total limit is left."""
        self._is_silence_fine = True

    def expire(self, error: GatewayError) -> None:
        """Ends the exchange now, for this reason, unless it is ending already."""
        if self._ending is None:
            self._error = error
            self._ending = self._loop.call_soon(self._end)  # not at once: it may be the task itself that asks for it

    def _end(self) -> None:
        if self._task is not None:
            self._has_cancelled = True
            self._task.cancel()

    def _arm(self) -> None:
        """Looks again when a limit may run out, as far as is known now; bytes that come meanwhile need not tell."""
        idle = self._provider.idle_timeout_seconds
        pause = min(self._silence_ends_at(), self._over_at) - self._loop.time()
        self._moment = self._alarms.set(self, max(0.0, min(pause, idle)))

    def _silence_ends_at(self) -> float:
        """When the upstream has been silent for too long."""
        if self._is_silence_fine:
            return self._over_at
        if self._heard_at is None:
            return self._asked_at + self._provider.first_byte_timeout_seconds
        since = self._loop.time() if self._waits_for_client else self._heard_at
        return since + self._provider.idle_timeout_seconds

    def look(self) -> None:
        """Ends the exchange if a limit has run out."""
        now = self._loop.time()
        if now >= self._over_at:
            self.expire(self.error)
        elif now < self._silence_ends_at():
            self._arm()
        elif self._heard_at is None:
            message = "The upstream did not begin its answer in time."
            self.expire(_timeout("upstream_first_byte_timeout", message))
        else:
            self.expire(_timeout("upstream_idle_timeout", "The upstream was silent for too long."))
