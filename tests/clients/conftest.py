"""Fixtures of the SDKs' tests: scripts with the Node SDK."""

from functools import partial

import pytest

from tests import node
from tests.clients import node_scripts
from tests.fakes.gateway import GatewayProcess


@pytest.fixture(scope="session")
def node_modules() -> None:
    """The Node SDK, installed."""
    node.install(node_scripts.FOLDER)


@pytest.fixture
def run(node_modules: None, gateway: GatewayProcess) -> node_scripts.Run:
    """Runs a script and gives what it reported."""
    return partial(node_scripts.run, gateway)
