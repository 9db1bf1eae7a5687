"""A store that fails or hangs when it is told to, around one in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from gateway.store.memory import MemoryStore
from gateway.store.protocol import Store, StoreError
from gateway.store.records import Bounds


class FaultyStore:
    """Does what the store in memory does, unless it is down or slow."""

    def __init__(self, inner: Store | None = None) -> None:
        self.inner = inner or MemoryStore(Bounds())
        self.is_down = False
        self.delay = 0.0
        self.calls: list[str] = []
        """The names of the methods that were called."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method: Callable[..., Awaitable[object]] = getattr(self.inner, name)

        async def call(*arguments: Any, **named: Any) -> object:
            self.calls.append(name)
            await asyncio.sleep(self.delay)
            if self.is_down and name != "close":
                raise StoreError("it is down")
            return await method(*arguments, **named)

        return call

    @property
    def store(self) -> Store:
        """The same, as what it stands for."""
        return cast("Store", self)
