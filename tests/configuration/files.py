"""Configuration files that are written for a test, and what is told of those that are wrong."""

from pathlib import Path

import pytest

from gateway.configuration import ConfigurationError, load
from gateway.settings import ProviderSettings

PROVIDER = '[[providers]]\nname = "local"\nbase_url = "http://127.0.0.1:8000/v1"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def provider(folder: Path, lines: str, **environment: str) -> ProviderSettings:
    return load(written(folder, PROVIDER + lines), environment).providers[0]
