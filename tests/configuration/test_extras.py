"""What is not installed is named before anything starts."""

import subprocess
import sys

import pytest

from gateway.configuration import ConfigurationError
from gateway.configuration.extras import OTEL, POSTGRESQL, REDIS, Extra, missing_extras
from gateway.settings import LimitsSettings, Settings, StateSettings, TracingSettings

ALL = Settings(
    limits=LimitsSettings(redis="redis://127.0.0.1"),
    state=StateSettings(backend="postgresql", url="postgresql://u:p@127.0.0.1/d"),
    tracing=TracingSettings(endpoint="http://127.0.0.1:4318/v1/traces"),
)


def test_nothing_is_missed_where_all_is_installed() -> None:
    assert list(missing_extras(ALL)) == []


@pytest.mark.parametrize(
    ("extra", "setting"), [(OTEL, "tracing.endpoint"), (POSTGRESQL, "state.backend"), (REDIS, "limits.redis")]
)
def test_what_is_missing_is_named_with_what_to_do(extra: Extra, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, extra.module, None)
    (problem,) = missing_extras(ALL)
    assert problem.startswith(f"{setting}: ")
    assert problem.endswith(f"pip install 'responses-gateway[{extra.name}]'")
    assert list(missing_extras(Settings())) == []


def test_a_package_that_is_missing_as_a_whole_is_noticed() -> None:
    with pytest.raises(ConfigurationError, match="here: needs what is not installed"):
        Extra("none", "no_such_package.module", "here").require()


def test_the_answer_needs_nothing_of_the_extras_themselves() -> None:
    """`check` starts at once: it looks for them, and loads none that is not asked for."""
    program = "import sys, gateway.configuration.extras; sys.exit(any(m in sys.modules for m in ('redis', 'asyncpg')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
