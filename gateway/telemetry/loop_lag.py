"""How late the event loop comes: whatever blocks it makes every stream wait."""

import asyncio
from collections.abc import Callable

_PERIOD_SECONDS = 0.25


async def watch_loop(observe: Callable[[float], None]) -> None:
    """Tells by how many seconds the loop came too late to a timer, again and again; never returns."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _PERIOD_SECONDS
        await asyncio.sleep(_PERIOD_SECONDS)
        observe(max(0.0, loop.time() - due))
