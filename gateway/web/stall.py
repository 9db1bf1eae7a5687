"""Notices a client that has stopped reading, by what it takes and not by how long a write lasts.

A slow client takes something from time to time and is left alone, however slow it is. On a Unix socket nothing else
notices a stopped reader: TCP_USER_TIMEOUT exists for TCP alone.
"""

import asyncio
import fcntl
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.web import Request

from gateway.web.visit import VISIT

_LOOKS_PER_LIMIT = 30
"""A stall is noticed at most this fraction of the limit too late."""

_SHORTEST_PAUSE = 0.01


class StallWatch:
    """What one client takes of the answer to one request.

    Args:
        request: the request that is being answered; its outcome tells of the stall.
        limit: the seconds for which the client may take nothing while something waits for it.
    """

    __slots__ = ("_limit", "_loop", "_moved_at", "_request", "_taken", "has_stalled")

    def __init__(self, request: Request, limit: float) -> None:
        self._request = request
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._moved_at = self._loop.time()
        self._taken = 0
        self.has_stalled = False

    @property
    def pause(self) -> float:
        """The seconds until another look is worth its time."""
        return max(self._limit / _LOOKS_PER_LIMIT, _SHORTEST_PAUSE)

    def look(self) -> bool:
        """Drops the client if it has stalled, and says whether it has."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return self.has_stalled
        waiting = transport.get_write_buffer_size() + _in_kernel(transport)
        taken = self._request.writer.output_size - waiting
        if waiting == 0 or taken > self._taken:
            self._moved_at = self._loop.time()
        self._taken = taken
        if self._loop.time() >= self._moved_at + self._limit:
            self.has_stalled = True
            if (outcome := self._request[VISIT].outcome) is not None:
                outcome.termination = "client_stalled"
            transport.abort()  # a graceful close would wait for the client to read
        return self.has_stalled


def _in_kernel(transport: asyncio.WriteTransport) -> int:
    """The bytes that the kernel holds because the client has not taken them; 0 where the system does not say."""
    try:
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])


@asynccontextmanager
async def dropped_when_stalled(request: Request, limit: float) -> AsyncIterator[None]:
    """Drops the client of the request when it stalls while the block runs; the block is cancelled then."""
    task = asyncio.create_task(_look_on(StallWatch(request, limit)), name="look for a stall")
    try:
        yield
    finally:
        task.cancel()


async def _look_on(watch: StallWatch) -> None:
    while True:
        if watch.look():
            return
        await asyncio.sleep(watch.pause)
