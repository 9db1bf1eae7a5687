"""The events of one run in the background: numbered frames that any number of clients can follow, from any of them on.

They are written to the store in batches, so that other processes can follow too and a token costs no transaction. What
is not written yet is kept here, for those who follow in this process at once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from gateway.codec.sse import DONE
from gateway.store.protocol import Store, StoreError

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
"""How far the store may be behind: what it adds to the delay for those who follow in another process."""

_MOST_TAIL_BYTES = 4_194_304
"""What is kept while the store is down; beyond it the oldest events are lost."""

_DONE_FRAME = b"data: %b" % DONE


class EventLog:
    """The downstream of a run.

    Args:
        store: where the events are written.
        owner: whose they are.
        record_id: the response that they are of.
    """

    def __init__(self, store: Store, owner: str, record_id: str) -> None:
        self._store = store
        self._owner = owner
        self._record_id = record_id
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._first = 0
        """The sequence number of the first event of the tail."""
        self._changed = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the last event has come."""
        return self._over.is_set()

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Takes the first frames; headers are for those who asked first."""
        await self.write(frames)

    async def write(self, frames: bytes) -> None:
        """Takes whole frames."""
        self._append(frames)

    async def room(self) -> None:
        """There always is."""

    def put(self, frames: bytes, _now: float, /) -> bool:
        """Takes whole frames; there is always room."""
        self._append(frames)
        return True

    def _append(self, frames: bytes) -> None:
        fresh = [frame + b"\n\n" for frame in frames.split(b"\n\n") if frame and frame != _DONE_FRAME]
        self._tail += fresh
        self._tail_bytes += sum(map(len, fresh))
        while self._tail_bytes > _MOST_TAIL_BYTES:
            self._tail_bytes -= len(self._tail.pop(0))
            self._first += 1
        self._wake()

    async def finish(self, frames: bytes = b"") -> None:
        """Takes the last frames: nothing more comes."""
        self._append(frames)
        self._over.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def flush_until_over(self) -> None:
        """Writes to the store now and then, and once more at the end."""
        while not self.is_over:
            await wait_for(self._over, FLUSH_SECONDS)
            await self.flush()
        await self.flush()

    async def flush(self) -> None:
        """Writes what is not written yet; while the store is down it stays here."""
        batch, first = list(self._tail), self._first
        if not batch:
            return
        try:
            await self._store.log(self._owner, self._record_id, first, batch)
        except StoreError as error:
            _log.info("events could not be stored", extra={"fields": {"reason": str(error)}})
            return
        written = max(0, first + len(batch) - self._first)
        self._tail_bytes -= sum(map(len, self._tail[:written]))
        del self._tail[:written]
        self._first += written

    async def follow(self, first: int) -> AsyncIterator[bytes]:
        """Frames from this sequence number on, as they come, until the end.

        Raises:
            StoreError: when events that are written cannot be read.
        """
        while True:
            changed, is_over = self._changed, self.is_over
            if first < self._first:
                frames = await self._store.logged(self._owner, self._record_id, first)
                if not frames:
                    raise StoreError("events are missing")
            else:
                frames = self._tail[first - self._first :]
            if frames:
                first += len(frames)
                yield b"".join(frames)
            elif is_over:
                return
            else:
                await changed.wait()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, and no longer than so."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
