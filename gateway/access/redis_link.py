"""The way to a Redis that other processes use too, which may be slow, full or gone without anybody waiting for it.

What takes longer than its time is lost, and with it the link: from then on nothing is asked but a ping each second,
until one is answered. The log has a line when the link is lost and one when it is back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_log = logging.getLogger(__name__)

_CONNECTIONS = 16
_LATE = 1.5
"""A time limit that comes so many times too late says that this process was busy, and nothing of Redis."""

_PING_SECONDS = 1.0
_LONGEST_REASON = 200

Reply = list[bytes | int]
"""What a script returns."""


Call = tuple[Sequence[str], Sequence[str | int | float]]
"""Keys and arguments of a script."""


class LinkLostError(Exception):
    """Redis cannot be asked at the moment."""


class RedisLink:
    """One Redis.

    Args:
        url: where it is.
        seconds: the longest that anybody waits for it.
        ping_seconds: the pause between two looks for one that is lost.
    """

    def __init__(self, url: str, seconds: float, ping_seconds: float = _PING_SECONDS) -> None:
        self._seconds = seconds
        self._ping_seconds = ping_seconds
        never = Retry(NoBackoff(), 0)  # the client's own tries again would multiply the time
        pool = BlockingConnectionPool.from_url(
            url, max_connections=_CONNECTIONS, timeout=seconds, retry=never, client_name="responses-gateway"
        )
        self._redis = Redis.from_pool(pool)
        self._script = cache(self._redis.register_script)
        self._pinging: asyncio.Task[None] | None = None
        self._has_ended = False
        self.on_return: Callable[[], None] = lambda: None
        """Called when it is back."""
        self.is_up = True
        self.losses = 0
        """How often it was lost."""

    async def run(self, script: str, call: Call) -> Reply:
        """What a Lua script returns.

        Raises:
            LinkLostError: when it cannot be asked, or not in time; it may have run all the same.
        """
        with self._guarded():
            async with asyncio.timeout(self._seconds):
                reply: Reply = await self._script(script)(*call)
        return reply

    async def run_all(self, script: str, calls: Iterable[Call]) -> None:
        """Runs a Lua script for each of the calls, on one way there and back.

        Raises:
            LinkLostError: as above.
        """
        known = self._script(script)
        with self._guarded():
            async with asyncio.timeout(self._seconds), self._redis.pipeline(transaction=False) as pipeline:
                for call in calls:
                    await known(*call, client=pipeline)
                await pipeline.execute()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if not self.is_up:
            raise LinkLostError
        loop, losses = asyncio.get_running_loop(), self.losses
        late_at = loop.time() + _LATE * self._seconds
        try:
            yield
        except (RedisError, OSError, TimeoutError) as failure:
            is_late = isinstance(failure, TimeoutError) and loop.time() > late_at
            if losses == self.losses and not is_late:  # another loss is known, and may be over
                self._lose(failure)
            raise LinkLostError from failure

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Looks whether it is there, and closes the connections when the block ends."""
        if (failure := await self._ping()) is not None:
            self._lose(failure)
        try:
            yield
        finally:
            self._has_ended = True
            if self._pinging is not None:
                self._pinging.cancel()
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._redis.aclose()

    def _lose(self, failure: Exception) -> None:
        if not self.is_up or self._has_ended:
            return
        self.is_up = False
        self.losses += 1
        reason = str(failure)[:_LONGEST_REASON] or f"no answer within {self._seconds:g} seconds"
        _log.warning("redis is lost, each process limits for itself", extra={"fields": {"reason": reason}})
        self._pinging = asyncio.create_task(self._look_for_it(), name="look for redis")

    async def _look_for_it(self) -> None:
        while not self.is_up:
            await asyncio.sleep(self._ping_seconds)
            self.is_up = await self._ping(is_fresh=True) is None
        _log.warning("redis is back, limits are shared again")
        self.on_return()

    async def _ping(self, *, is_fresh: bool = False) -> Exception | None:
        """Why it does not answer; it has more time here than in the way of a request."""
        try:
            async with asyncio.timeout(max(self._seconds, self._ping_seconds)):
                if is_fresh:  # the old connections are of no use, and would be found so one by one
                    await self._redis.connection_pool.disconnect()
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as failure:
            return failure
        return None
