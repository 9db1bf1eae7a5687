"""What requests work with of the configuration, replaced as a whole when it is read again.

A request keeps what it found when it began: a reload takes nothing from a stream, and closes the connections of the
old configuration when nobody uses them any more.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Self

from gateway.settings import Settings
from gateway.upstream.routing import Router


@dataclass(slots=True, eq=False)
class Configured:
    """What one reading of the configuration made, and how many requests work with it."""

    settings: Settings
    router: Router
    _holders: int = 0
    _unused: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._unused.set()

    def hold(self) -> Self:
        """Somebody needs its connections, until as many calls of `release`, or the end of the block of a `with`."""
        self._holders += 1
        if self._holders == 1:
            self._unused.clear()
        return self

    def release(self, *_: object) -> None:
        """The opposite of `hold`."""
        self._holders -= 1
        if not self._holders:
            self._unused.set()

    __enter__, __exit__ = hold, release

    def abandon(self) -> None:
        """Nobody is waited for any more: the process ends."""
        self._unused.set()

    async def close(self) -> None:
        """Closes its connections when nobody holds them."""
        await self._unused.wait()
        await self.router.__aexit__(None, None, None)


class Current:
    """The configuration in force."""

    def __init__(self, settings: Settings) -> None:
        self.now = Configured(settings, Router(settings.providers, settings.models))
        """What is in force, and stays usable while the block of a `with` runs."""
        self.is_refused = False
        """Whether the file has been read since and was refused: what is in force is not what it says."""
        self._closing: dict[asyncio.Task[None], Configured] = {}

    @property
    def settings(self) -> Settings:
        """Of now: a request looks at its own."""
        return self.now.settings

    @property
    def router(self) -> Router:
        """Of now: a request looks at its own."""
        return self.now.router

    async def open(self) -> None:
        """Opens the pools of the first configuration."""
        await self.router.__aenter__()

    async def replace(self, settings: Settings) -> None:
        """Puts these settings in force for all requests from now on; when it fails, the old ones stay."""
        router = Router(settings.providers, settings.models, self.router)
        await router.__aenter__()
        old, self.now = self.now, Configured(settings, router)
        closing = asyncio.create_task(old.close(), name="close an old configuration")
        self._closing[closing] = old
        closing.add_done_callback(self._closing.pop)

    async def close(self) -> None:
        """Closes all pools, also those that are held."""
        for configured in (self.now, *self._closing.values()):
            configured.abandon()
        await asyncio.gather(self.now.close(), *self._closing)
