"""The way in for requests that ask a model: within the limits of their key, and while the process bears it.

    async with Entry(visit) as entry:
        await entry.take_tokens(...)

What they took is given back in any case. A run that outlives its request takes what it holds along with `detach`.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway.telemetry.usage import Consumption
from gateway.web.load import HeldBody
from gateway.web.visit import Visit


class Entry:
    """Lets a request in for as long as the block runs.

    Args:
        visit: whose request it is.

    Raises:
        GatewayError: OVERLOADED, KEY_LIMITED or BUDGET_SPENT, when the block is entered.
    """

    __slots__ = ("_body", "_is_detached", "_is_over", "_visit")

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._body: HeldBody | None = None
        self._is_detached = self._is_over = False

    async def __aenter__(self) -> Self:
        visit = self._visit
        limits, load = visit.configured.settings.limits, visit.services.load
        load.enter(limits)
        try:
            visit.admission = await visit.services.limiter.admit(visit.caller, limits)
        except BaseException:
            load.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if not self._is_detached:
            outcome = self._visit.outcome
            self.end(outcome.consumption if outcome is not None else None)

    async def take_tokens(self, estimate: Callable[[], int]) -> None:
        """Takes the tokens of the input, before anybody is asked.

        Raises:
            GatewayError: KEY_LIMITED.
        """
        if (admission := self._visit.admission) is not None:
            await admission.take_tokens(estimate)

    def detach(self) -> None:
        """The end of the block is not the end any more: somebody else calls `end`."""
        self._is_detached = True
        if not self._is_over:
            self._body, self._visit.body = self._visit.body, None

    def end(self, consumption: Consumption | None) -> None:
        """The work is over and used this; only the first call counts."""
        if self._is_over:
            return
        self._is_over = True
        visit = self._visit
        if visit.admission is not None:
            visit.admission.end(consumption)
        visit.services.load.leave()
        if self._body is not None:
            self._body.free()
