"""Installs what the tests of clients run: npm packages beside their lock files, Python packages in a venv of their own.

`python -m tests.agents.installation` does it ahead of the tests, as `make test` does; the fixtures ask again. The venv
is apart so that no agent constrains what the gateway is built with.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests import node
from tests.clients import node_scripts
from tests.installing import LIMIT_SECONDS, once

ROOT = Path(__file__).parents[2]
NODE_FOLDER = Path(__file__).parent / "node"
NODE_MODULES = NODE_FOLDER / "node_modules"
VENV = ROOT / ".venv-agents"
REQUIREMENTS = ROOT / "requirements" / "agents.txt"


def install_node_packages() -> None:
    """The agents that run in Node."""
    node.install(NODE_FOLDER)


def install_python_packages() -> None:
    """The agents that are written in Python."""
    once(VENV, REQUIREMENTS, _make_venv)


def _make_venv() -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True, timeout=LIMIT_SECONDS)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # What is on the path of this process is not in the venv.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [*pip, "--require-hashes", "-r", str(REQUIREMENTS)]
    subprocess.run(command, check=True, timeout=LIMIT_SECONDS, env=environment)


if __name__ == "__main__":
    install_node_packages()
    node.install(node_scripts.FOLDER)
    install_python_packages()
