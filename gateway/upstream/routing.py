"""From the model a client names to the upstreams that serve it, and the list of all models.

A public id is `provider/model`, an alias of the configuration, or a bare model id that exactly one provider
declares.
"""

import asyncio
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
from gateway.upstream.discovery import is_closed, plain_ids
from gateway.upstream.gate import Gate
from gateway.upstream.model_list import Model
from gateway.upstream.provider import Provider

__all__ = ["Model", "Router", "Target", "configured_window"]

_MOST_FOUND = 1000
"""Clients may name any model of some providers; what is remembered of them has a bound."""
_LONGEST_FOUND = 200


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
    """The upstreams of one reading of the configuration; enter it to open their pools.

    Args:
        providers: in their order.
        aliases: the ids of the configuration's own.
        previous: the router that this one takes the place of. Providers that have not changed are its own, with their
            connections, their breakers and the requests that they work on.
    """

    def __init__(
        self,
        providers: Sequence[ProviderSettings],
        aliases: Sequence[AliasSettings],
        previous: "Router | None" = None,
    ) -> None:
        known = previous.providers if previous is not None else {}
        self._providers = {settings.name: _unchanged(known, settings) or Provider(settings) for settings in providers}
        self._aliases = {alias.id: replicas_of(alias) for alias in aliases}
        self._stack = AsyncExitStack()
        self._found: dict[str, tuple[Target, ...]] = {}
        """Targets of full ids that were asked for: what the configuration says of them does not change."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for provider in self._providers.values():
                await stack.enter_async_context(provider)
            self._stack = stack.pop_all()
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
        if (found := self._found.get(model)) is not None:
            return found
        name, _, inner = model.partition("/")
        provider = self._providers.get(name)
        if provider is None or not inner or not _allows(provider.settings, inner):
            return ()
        targets = (_target(provider, inner),)
        if len(self._found) < _MOST_FOUND and len(model) <= _LONGEST_FOUND:
            self._found[model] = targets
        return targets

    def _bare(self, model: str) -> tuple[Target, ...]:
        """The only provider that declares the id by its configuration or, as far as known, by its own list."""
        found = [
            _target(provider, model)
            for provider in self._providers.values()
            if _allows(provider.settings, model) and (provider.settings.models or provider.discovery.knows(model))
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
    def providers(self) -> Mapping[str, Provider]:
        """All of them, by their names."""
        return self._providers

    @property
    def gates(self) -> Mapping[str, Gate]:
        """What stands before each upstream, by its provider's name."""
        return {name: provider.gate for name, provider in self._providers.items()}

    def is_configured(self, model: str) -> bool:
        """Whether the configuration has this very id, and not only a pattern that it matches."""
        name, _, inner = model.partition("/")
        provider = self._providers.get(name)
        is_listed = provider is not None and inner in provider.settings.models
        return (
            is_listed or model in self._aliases or any(model in one.settings.models for one in self._providers.values())
        )

    def is_alias(self, model: str) -> bool:
        """Whether the id is one of the configuration's own."""
        return model in self._aliases

    async def models(self) -> list[Model]:
        """All public ids: aliases first, then what each provider has. A dead upstream only misses its own."""
        lists = await asyncio.gather(*(_models_of(provider) for provider in self._providers.values()))
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
        name, _, model = target.partition("/")
        provider = self._providers.get(name)
        return configured_window(provider.settings, model) if provider is not None else None


def _unchanged(known: Mapping[str, Provider], settings: ProviderSettings) -> Provider | None:
    provider = known.get(settings.name)
    return provider if provider is not None and provider.settings == settings else None


def _target(provider: Provider, model: str) -> Target:
    return Target(provider.upstream, model, provider.gate)


async def _models_of(provider: Provider) -> list[Model]:
    settings = provider.settings
    plain = plain_ids(settings)
    if is_closed(settings) and all(configured_window(settings, model) for model in plain):
        return [_public(settings, Model(model, settings.name)) for model in plain]
    found = {model.id: model for model in await provider.discovery.models()}
    found = {model: entry for model, entry in found.items() if _allows(settings, model)}
    known = {model: found.get(model, Model(model, settings.name)) for model in [*plain, *found]}
    return [_public(settings, entry) for entry in known.values()]


def _ordered(rank: Sequence[WeightedTarget], session: Callable[[], str]) -> list[str]:
    """The equals of one rank, the session's own one first."""
    if len(rank) == 1:
        return [rank[0].target]
    order = ranked(rank, session(), name=lambda one: one.target, weight=lambda one: one.weight)
    return [one.target for one in order]


def configured_window(settings: ProviderSettings, model: str) -> int | None:
    """How many tokens the configuration says that fit; the first pattern that matches counts."""
    matches = (tokens for pattern, tokens in settings.context_windows.items() if fnmatchcase(model, pattern))
    return next(matches, None)


def _public(settings: ProviderSettings, model: Model) -> Model:
    window = configured_window(settings, model.id) or model.context_window
    return replace(model, id=f"{settings.name}/{model.id}", context_window=window)


def _allows(settings: ProviderSettings, model: str) -> bool:
    return not settings.models or any(fnmatchcase(model, pattern) for pattern in settings.models)
