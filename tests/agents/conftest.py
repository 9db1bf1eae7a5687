"""Fixtures of the agents' tests: what is installed, a home and a folder to work in, and Codex itself."""

from pathlib import Path

import pytest

from tests.agents.codex import Codex
from tests.agents.installation import install_node_packages, install_python_packages
from tests.fakes.gateway import GatewayProcess


@pytest.fixture(scope="session")
def node_packages() -> None:
    install_node_packages()


@pytest.fixture(scope="session")
def python_packages() -> None:
    install_python_packages()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of an agent, new for each test."""
    folder = tmp_path / "home"
    (folder / "tmp").mkdir(parents=True)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder in which an agent works."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def codex(node_packages: None, gateway: GatewayProcess, home: Path, work: Path) -> Codex:
    """The Codex of today."""
    return Codex("0.169", gateway, home, work)


@pytest.fixture(params=["0.169", "0.151"])
def every_codex(codex: Codex, request: pytest.FixtureRequest) -> Codex:
    """Each version of Codex that is tested."""
    codex.version = request.param
    return codex
