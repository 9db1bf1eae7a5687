"""What stands before one upstream: its circuit breaker, its slots and their queue, and its budget of tries again.

A request passes with a `Passage`, which gives everything back however it ends. Nothing is asked of the upstream here.
"""

import asyncio
import time
from collections.abc import Callable

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.breaker import Breaker
from gateway.upstream.retry_budget import RetryBudget
from gateway.upstream.slots import QueueFullError, Slots

BREAKER_OPEN, QUEUE_FULL, QUEUE_TIMEOUT = "breaker_open", "queue_full", "queue_timeout"
SHED = frozenset({BREAKER_OPEN, QUEUE_FULL, QUEUE_TIMEOUT})
"""The codes of the refusals that are the gateway's own: the upstream was not asked."""

_RETRY_AFTER_SECONDS = 5.0


class Gate:
    """The gate of one upstream, which all requests to it pass.

    Args:
        settings: its limits.
        clock: seconds that only grow.
    """

    def __init__(self, settings: ProviderSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.breaker = Breaker(
            failures=settings.breaker_failures,
            window=settings.breaker_window_seconds,
            cooldown=settings.breaker_cooldown_seconds,
            clock=clock,
        )
        self.slots = Slots(settings.max_concurrency, settings.queue_size)
        self.budget = RetryBudget(settings.retry_budget)
        self._queue_seconds = settings.queue_timeout_seconds

    def check(self) -> None:
        """Raises GatewayError while the breaker is open."""
        if (wait := self.breaker.wait()) > 0:
            message = "The upstream has failed too often and is left alone for a moment."
            raise GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, message, retry_after=wait, upstream_code=BREAKER_OPEN)

    async def queue(self) -> None:
        """Waits for a slot; raises GatewayError when that takes too long, or too many wait."""
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self.slots.wait()
        except QueueFullError:
            raise _overloaded("Too many requests wait for the upstream.", QUEUE_FULL) from None
        except TimeoutError:
            raise _overloaded("The upstream had no time for the request.", QUEUE_TIMEOUT) from None


def _overloaded(message: str, code: str) -> GatewayError:
    return GatewayError(ErrorKind.UPSTREAM_OVERLOADED, message, retry_after=_RETRY_AFTER_SECONDS, upstream_code=code)


class Passage:
    """One request's way through a gate: `enter`, tell how the upstream did, and `leave` in every case."""

    __slots__ = ("_gate", "_has_slot", "_is_probe")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._has_slot = False
        self._is_probe = False

    async def enter(self, on_wait: Callable[[], None]) -> None:
        """Waits until the request may be sent.

        Args:
            on_wait: called before the first moment of waiting, if there is any.

        Raises:
            GatewayError: when it may not be sent; its code is one of `SHED`.
        """
        gate = self._gate
        gate.check()
        if not gate.slots.take():
            on_wait()
            await gate.queue()
            self._has_slot = True
            gate.check()
        self._has_slot = True
        self._is_probe = gate.breaker.enter()

    def succeed(self) -> None:
        """The upstream works."""
        self._is_probe = False
        self._gate.breaker.succeed()

    def fail(self) -> None:
        """The upstream does not work."""
        self._is_probe = False
        self._gate.breaker.fail()

    def leave(self) -> None:
        """Gives back what is held."""
        if self._is_probe:
            self._is_probe = False
            self._gate.breaker.abandon()
        if self._has_slot:
            self._has_slot = False
            self._gate.slots.give_back()
