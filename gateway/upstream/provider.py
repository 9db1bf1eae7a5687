"""One provider as the process has it: its connections, what stands before it, and what it lists."""

from types import TracebackType
from typing import Self

from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream
from gateway.upstream.discovery import Discovery
from gateway.upstream.gate import Gate


class Provider:
    """Shared by the routers of several readings of the configuration: its pool is open until the last one leaves."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self.upstream = Upstream(settings)
        self.gate = Gate(settings)
        self.discovery = Discovery(self.upstream)
        self._holders = 0

    async def __aenter__(self) -> Self:
        self._holders += 1
        if self._holders == 1:
            await self.upstream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holders -= 1
        if not self._holders:
            await self.upstream.__aexit__(kind, error, trace)
