"""When the client's stream is opened: with the first words of an answer, or after some seconds in any case.

Until then an error can still be a plain HTTP error. The usual way costs a timer, and no task.
"""

import asyncio
from collections.abc import Callable, Coroutine

Start = Callable[[], Coroutine[None, None, None]]
"""Sends the head and what opens the stream."""


class Opening:
    """Opens a stream once.

    What opens it is not kept: it holds the opening itself, and both would wait for the garbage collector.
    """

    __slots__ = ("_task", "_timer", "has_begun")

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.has_begun = False

    def begin_in(self, seconds: float, start: Start) -> None:
        """Opens the stream after so many seconds, if nobody has done so until then."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin, start)

    def _begin(self, start: Start) -> None:
        self.has_begun = True
        self._task = asyncio.create_task(start(), name="open the stream")

    def take(self) -> bool:
        """Whether the stream is the caller's to open; the timer does nothing then."""
        is_callers, self.has_begun = not self.has_begun, True
        self._disarm()
        return is_callers

    async def settled(self) -> None:
        """Waits until what the timer began is done.

        Raises:
            ConnectionError: when the client is gone.
        """
        if self._task is not None:
            await self._task

    def close(self) -> None:
        """Nothing is opened any more."""
        self._disarm()
        task, self._task = self._task, None
        if task is not None and not task.cancel() and not task.cancelled():
            task.exception()  # looked at, so that nobody complains that it was not

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
