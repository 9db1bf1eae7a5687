"""When the client's stream is opened: with the first words of an answer, or after some seconds in any case.

Until then an error can still be a plain HTTP error. The usual way costs a timer, and no task.
"""

import asyncio
from collections.abc import Callable, Coroutine


class Opening:
    """Opens a stream once.

    Args:
        start: sends the head and what opens the stream.
    """

    def __init__(self, start: Callable[[], Coroutine[None, None, None]]) -> None:
        self._start = start
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.has_begun = False

    def begin_in(self, seconds: float) -> None:
        """Opens the stream after so many seconds, if nobody has done so until then."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self.has_begun = True
        self._task = asyncio.create_task(self._start(), name="open the stream")

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
        if self._task is not None and not self._task.cancel() and not self._task.cancelled():
            self._task.exception()  # looked at, so that nobody complains that it was not

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
