"""Timers that share one of the loop's: what is to be looked at in about the same moment is looked at in one go.

A timer of the loop takes 0.7 KiB. A stream needs two for as long as it is open, which ring once a second and hardly
ever find anything to do; here each of them is a place in a set.
"""

import asyncio
import heapq
from contextvars import Context
from functools import lru_cache
from typing import Protocol

_TICK = 0.01
"""Seconds. An alarm rings at most a tick too late, or ten if it is ten seconds away."""


class Watcher(Protocol):
    """Who looks at something from time to time."""

    def look(self) -> None:
        """Looks now, in nobody's context."""


class Alarms:
    """The alarms of one loop.

    Args:
        loop: the loop.
    """

    __slots__ = ("_loop", "_moments", "_timer", "_watchers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watchers: dict[int, set[Watcher]] = {}
        """By the moment in which they look, in ticks."""
        self._moments: list[int] = []
        """The same moments, as a heap."""
        self._timer: asyncio.TimerHandle | None = None

    def set(self, watcher: Watcher, seconds: float) -> int:
        """Has the watcher look once, after so many seconds; returns the moment, for `unset`."""
        step = 1 if seconds < 1000 * _TICK else 10  # not more at once than others can wait for
        moment = int((self._loop.time() + seconds) / _TICK) // step * step + step
        if (watchers := self._watchers.get(moment)) is not None:
            watchers.add(watcher)
            return moment
        self._watchers[moment] = {watcher}
        heapq.heappush(self._moments, moment)
        if self._moments[0] == moment:
            self._arm()
        return moment

    def unset(self, watcher: Watcher, moment: int) -> None:
        """The watcher need not look in this moment."""
        if (watchers := self._watchers.get(moment)) is not None:
            watchers.discard(watcher)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._moments[0] * _TICK, self._ring, context=Context())

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time() / _TICK
        while self._moments and self._moments[0] <= now:
            moment = heapq.heappop(self._moments)
            watchers = self._watchers[moment]
            while watchers:
                self._look(watchers.pop())
            del self._watchers[moment]
        if self._moments:
            self._arm()

    def _look(self, watcher: Watcher) -> None:
        """What one of them meets must not keep the others from looking."""
        try:
            watcher.look()
        except Exception as error:  # noqa: BLE001 - it is told as one of a timer would be
            self._loop.call_exception_handler({"message": "a watcher has failed", "exception": error})


@lru_cache(maxsize=1)  # a process has one loop; tests have many, one after the other
def alarms_of(loop: asyncio.AbstractEventLoop) -> Alarms:
    """The alarms of this loop."""
    return Alarms(loop)
