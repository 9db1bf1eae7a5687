"""From the model a client names to the upstreams that serve it, and the list of all models.

A public id is `provider/model`, an alias of the configuration, or a bare model id that exactly one provider
declares.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import AliasSettings, ProviderSettings, WeightedTarget, replicas_of
from gateway.upstream.affinity import ranked
from gateway.upstream.client import Upstream
from gateway.upstream.gate import Gate
from gateway.upstream.model_list import Model, read_models

__all__ = ["Model", "Router", "Target", "configured_window"]

_log = logging.getLogger(__name__)

_DISCOVERY_SECONDS = 5
_LIST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One place that can answer: an upstream, the model's id there, and what stands before the upstream."""

    upstream: Upstream
    model: str
    gate: Gate

    @property
    def public_id(self) -> str:
        return f"{self.upstream.name}/{self.model}"


class Router:
    """All upstreams of the process; enter it to open their pools."""

    def __init__(
        self,
        providers: Sequence[ProviderSettings],
        aliases: Sequence[AliasSettings],
    ) -> None:
        self._upstreams = {settings.name: Upstream(settings) for settings in providers}
        self._gates = {settings.name: Gate(settings) for settings in providers}
        self._aliases = {alias.id: replicas_of(alias) for alias in aliases}
        self._discovered = {name: _Discovery(upstream) for name, upstream in self._upstreams.items()}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for upstream in self._upstreams.values():
            await self._stack.enter_async_context(upstream)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def targets(self, model: str, session: Callable[[], str] = str) -> tuple[Target, ...]:
        """The places to try for a public model id, in order.

        Args:
            model: what the client named.
            session: what the requests of one conversation have in common, asked for only where there are replicas.

        Raises:
            GatewayError: MODEL_NOT_FOUND.
        """
        if model in self._aliases:
            names = (name for rank in self._aliases[model] for name in _ordered(rank, session))
            targets = tuple(target for name in names for target in self._exact(name))
        else:
            targets = self._exact(model) or self._bare(model)
        if not targets:
            name = model if len(model) <= 100 else model[:100] + "..."
            raise GatewayError(ErrorKind.MODEL_NOT_FOUND, f"The model '{name}' does not exist.", param="model")
        return targets

    def _exact(self, model: str) -> tuple[Target, ...]:
        name, _, inner = model.partition("/")
        upstream = self._upstreams.get(name)
        if upstream is None or not inner or not _allows(upstream.settings, inner):
            return ()
        return (Target(upstream, inner, self._gates[name]),)

    def _bare(self, model: str) -> tuple[Target, ...]:
        """The only provider that declares the id by its configuration or, as far as known, by its own list."""
        found = [
            Target(upstream, model, self._gates[name])
            for name, upstream in self._upstreams.items()
            if _allows(upstream.settings, model) and (upstream.settings.models or self._discovered[name].knows(model))
        ]
        return tuple(found) if len(found) == 1 else ()

    def configured_window(self, model: str) -> int | None:
        """The smallest context window that the configuration knows for one of the model's targets.

        Raises:
            GatewayError: MODEL_NOT_FOUND.
        """
        windows = (configured_window(target.upstream.settings, target.model) for target in self.targets(model))
        return min((window for window in windows if window is not None), default=None)

    @property
    def gates(self) -> Mapping[str, Gate]:
        """What stands before each upstream, by its provider's name."""
        return self._gates

    def is_configured(self, model: str) -> bool:
        """Whether the configuration has this very id, and not only a pattern that it matches."""
        name, _, inner = model.partition("/")
        upstream = self._upstreams.get(name)
        is_listed = upstream is not None and inner in upstream.settings.models
        return (
            is_listed or model in self._aliases or any(model in one.settings.models for one in self._upstreams.values())
        )

    def is_alias(self, model: str) -> bool:
        """Whether the id is one of the configuration's own."""
        return model in self._aliases

    async def models(self) -> list[Model]:
        """All public ids: aliases first, then what each provider has. A dead upstream only misses its own."""
        lists = await asyncio.gather(*(self._models_of(name) for name in self._upstreams))
        models = [model for models in lists for model in models]
        windows = {model.id: model.context_window for model in models}
        aliases = [Model(name, "gateway", 0, self._alias_window(name, windows)) for name in self._aliases]
        return aliases + models

    def _alias_window(self, name: str, windows: Mapping[str, int | None]) -> int | None:
        """The smallest of its targets: any of them may have to take the whole prompt."""
        targets = [one.target for rank in self._aliases[name] for one in rank]
        known = (windows.get(target) or self._configured_window(target) for target in targets)
        return min((window for window in known if window is not None), default=None)

    def _configured_window(self, target: str) -> int | None:
        provider, _, model = target.partition("/")
        upstream = self._upstreams.get(provider)
        return configured_window(upstream.settings, model) if upstream is not None else None

    async def _models_of(self, name: str) -> list[Model]:
        settings = self._upstreams[name].settings
        plain = _plain_ids(settings)
        if _is_closed(settings) and all(configured_window(settings, model) for model in plain):
            return [_public(settings, Model(model, name)) for model in plain]
        found = {model.id: model for model in await self._discovered[name].models()}
        found = {model: entry for model, entry in found.items() if _allows(settings, model)}
        known = {model: found.get(model, Model(model, name)) for model in [*plain, *found]}
        return [_public(settings, entry) for entry in known.values()]


def _ordered(rank: Sequence[WeightedTarget], session: Callable[[], str]) -> list[str]:
    """The equals of one rank, the session's own one first."""
    if len(rank) == 1:
        return [rank[0].target]
    order = ranked(rank, session(), name=lambda one: one.target, weight=lambda one: one.weight)
    return [one.target for one in order]


def _plain_ids(settings: ProviderSettings) -> list[str]:
    return [pattern for pattern in settings.models if not any(sign in pattern for sign in "*?[")]


def _is_closed(settings: ProviderSettings) -> bool:
    """Whether the configuration names every model, so that the upstream only adds what it knows of them."""
    return bool(settings.models) and len(_plain_ids(settings)) == len(settings.models)


def configured_window(settings: ProviderSettings, model: str) -> int | None:
    """How many tokens the configuration says that fit; the first pattern that matches counts."""
    matches = (tokens for pattern, tokens in settings.context_windows.items() if fnmatchcase(model, pattern))
    return next(matches, None)


def _public(settings: ProviderSettings, model: Model) -> Model:
    window = configured_window(settings, model.id) or model.context_window
    return replace(model, id=f"{settings.name}/{model.id}", context_window=window)


def _allows(settings: ProviderSettings, model: str) -> bool:
    return not settings.models or any(fnmatchcase(model, pattern) for pattern in settings.models)


class _Discovery:
    """The models that an upstream lists, asked for again when they are old."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._models: list[Model] = []
        self._ids: frozenset[str] = frozenset()
        self._refreshed_at = float("-inf")
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    def knows(self, model: str) -> bool:
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
            level = logging.INFO if _is_closed(self._upstream.settings) else logging.WARNING
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
