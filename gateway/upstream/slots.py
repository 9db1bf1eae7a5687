"""How many requests one upstream has at once, and the bounded queue of those that wait, first come first served.

Knows no clock: how long one waits is for the caller to limit, by cancelling.
"""

import asyncio
from collections import deque


class QueueFullError(Exception):
    """No slot is free, and no more may wait for one."""


class Slots:
    """Slots that are taken and given back, each exactly once.

    Args:
        limit: how many there are; 0 for any number.
        queue_size: how many may wait.
    """

    def __init__(self, limit: int, queue_size: int) -> None:
        self._limit = limit
        self._queue_size = queue_size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self) -> bool:
        """Takes a slot if one is free and nobody waits for it."""
        if self._limit and (self.taken >= self._limit or self._waiting):
            return False
        self.taken += 1
        return True

    async def wait(self) -> None:
        """Waits in the queue, and has a slot then.

        Raises:
            QueueFullError: when there is no place in the queue.
        """
        if len(self._waiting) >= self._queue_size:
            raise QueueFullError
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            self._leave(place)
            raise

    def _leave(self, place: asyncio.Future[None]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
        elif not place.cancelled():  # the slot came in the same moment
            self.give_back()

    def give_back(self) -> None:
        """Gives a slot back; the first who waits has it at once."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.taken -= 1
