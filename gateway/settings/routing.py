"""The sections about the way of a request: which targets a model has, how far it is tried, what may be left out."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.values import Count, Section

TranslationMode = Literal["lenient", "strict"]


class TranslationSettings(Section, frozen=True, kw_only=True):
    """`[translation]`: what happens to the things that an upstream cannot do."""

    mode: TranslationMode = "lenient"
    """`lenient` reports them in `x-gateway-dropped`, `strict` refuses the request."""


class WeightedTarget(Section, frozen=True, kw_only=True):
    """A target that gets more or less than its equals."""

    target: str
    weight: Annotated[float, Meta(gt=0, le=1_000_000)] = 1


OneTarget = str | WeightedTarget
"""`provider/model`, perhaps with a weight."""


class AliasSettings(Section, frozen=True, kw_only=True):
    """One `[[models]]`: a public model id with the targets that are tried in order."""

    id: Annotated[str, Meta(min_length=1)]
    targets: Annotated[tuple[OneTarget | Annotated[tuple[OneTarget, ...], Meta(min_length=1)], ...], Meta(min_length=1)]
    """Each is tried after the one before; those in a list of their own are equals, which share the conversations."""


def replicas_of(alias: AliasSettings) -> list[list[WeightedTarget]]:
    """The targets by rank, each rank as a list of equals."""
    return [[_weighted(target) for target in (rank if isinstance(rank, tuple) else (rank,))] for rank in alias.targets]


def _weighted(target: OneTarget) -> WeightedTarget:
    return WeightedTarget(target=target) if isinstance(target, str) else target


class RoutingSettings(Section, frozen=True, kw_only=True):
    """`[routing]`: how far a request is carried on after a failure."""

    max_attempts: Count = 4
    """Requests to upstreams for one request of a client, all targets and tries together."""
