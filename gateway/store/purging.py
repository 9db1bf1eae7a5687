"""Keeps a store within its bounds for as long as the process lives."""

import asyncio
import contextlib
import time

from gateway.store.protocol import Store, StoreError

_SHORTEST_PAUSE_SECONDS = 0.05
"""Between two slices of a purge others get at the store, for as long as the slice took."""


async def keep_small(store: Store, seconds: float) -> None:
    """Purges the store every so many seconds; never returns."""
    while True:
        with contextlib.suppress(StoreError):  # the store's guard tells of it
            await _purge(store)
        await asyncio.sleep(seconds)


async def _purge(store: Store) -> None:
    has_more = True
    while has_more:
        started = time.monotonic()
        has_more = await store.purge()
        await asyncio.sleep(max(_SHORTEST_PAUSE_SECONDS, time.monotonic() - started))
