"""Which models an upstream has, as it says itself."""

import asyncio
import logging
import time

from gateway.errors import GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream
from gateway.upstream.model_list import Model, read_models

_log = logging.getLogger(__name__)

_DISCOVERY_SECONDS = 5
_LIST_BYTES = 8 * 1024 * 1024


def plain_ids(settings: ProviderSettings) -> list[str]:
    """The models that the configuration names, without its patterns."""
    return [pattern for pattern in settings.models if not any(sign in pattern for sign in "*?[")]


def is_closed(settings: ProviderSettings) -> bool:
    """Whether the configuration names every model, so that the upstream only adds what it knows of them."""
    return bool(settings.models) and len(plain_ids(settings)) == len(settings.models)


class Discovery:
    """The models that an upstream lists, asked for again when they are old."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._models: list[Model] = []
        self._ids: frozenset[str] = frozenset()
        self._refreshed_at = float("-inf")
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    def knows(self, model: str) -> bool:
        """Whether the last list had it; nothing is asked."""
        return model in self._ids

    async def models(self) -> list[Model]:
        """The list, at most as old as allowed; callers who wait for the same refresh share it."""
        asked_at = time.monotonic()
        async with self._lock:
            if time.monotonic() >= self._fresh_until and asked_at >= self._refreshed_at:
                await self._refresh()
            return self._models

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(_DISCOVERY_SECONDS):
                self._models = read_models(await self._body(), owner=self._upstream.name)
        except (GatewayError, TimeoutError, ValueError) as error:
            reason = error.upstream_code if isinstance(error, GatewayError) else type(error).__name__
            fields = {"provider": self._upstream.name, "reason": reason}
            level = logging.INFO if is_closed(self._upstream.settings) else logging.WARNING
            _log.log(level, "cannot list the models of a provider", extra={"fields": fields})
        self._ids = frozenset(model.id for model in self._models)
        self._refreshed_at = time.monotonic()
        self._fresh_until = self._refreshed_at + self._upstream.settings.models_ttl_seconds

    async def _body(self) -> bytes:
        answer = await self._upstream.open_models()
        body = b""
        try:
            while piece := await answer.read():
                body += piece
                if len(body) > _LIST_BYTES:
                    raise ValueError("the list of models is too large")
        finally:
            answer.close()
        return body
