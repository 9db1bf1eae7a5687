"""What a setting needs that is not installed with the gateway itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from gateway.configuration.problems import ConfigurationError
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part of the distribution.

    Args:
        name: as `responses-gateway[name]`.
        module: that comes with it.
        setting: the one that needs it.
    """

    name: str
    module: str
    setting: str

    def problems(self) -> Iterator[str]:
        """What is to be done, if it is not there."""
        if not _is_there(self.module):
            yield f"{self.setting}: needs what is not installed: pip install 'responses-gateway[{self.name}]'"

    def require(self) -> None:
        """Raises ConfigurationError if it is not there."""
        if problems := tuple(self.problems()):
            raise ConfigurationError(problems)


OTEL = Extra("otel", "opentelemetry.exporter.otlp.proto.http.trace_exporter", "tracing.endpoint")
POSTGRESQL = Extra("postgresql", "asyncpg", "state.backend")
REDIS = Extra("redis", "redis.asyncio", "limits.redis")


def missing_extras(settings: Settings) -> Iterator[str]:
    """The problems of all extras that the settings need."""
    if settings.tracing.endpoint:
        yield from OTEL.problems()
    if settings.state.backend == "postgresql":
        yield from POSTGRESQL.problems()
    if settings.limits.redis:
        yield from REDIS.problems()


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package that it is in
        return False
