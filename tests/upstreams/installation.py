"""Installs the real servers from the package registry, each into an environment of its own.

`python -m tests.upstreams.installation [NAME...]` does what is missing. They are kept outside the checkout, since
they are gigabytes and one of them is compiled for a quarter of an hour; `UPSTREAMS_HOME` says where.
"""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

import orjson

from tests.upstreams.servers import SERVERS, Server

_GENTLY = ("nice", "-n", "15")
_STAMP = "installed.json"


def home() -> Path:
    """Where the environments are."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("UPSTREAMS_HOME") or cache / "responses-gateway" / "upstreams")


def environment(server: Server) -> Path:
    """The virtual environment of a server."""
    return home() / server.name


def seconds_installed(server: Server) -> float | None:
    """How long the installation took, or nothing if it has to be done."""
    stamp = environment(server) / _STAMP
    if not stamp.exists():
        return None
    told = orjson.loads(stamp.read_bytes())
    return float(told["seconds"]) if told["steps"] == [list(step) for step in server.steps] else None


def install(server: Server) -> None:
    """Do it, unless it was done."""
    if seconds_installed(server) is not None:
        return
    begun = time.monotonic()
    print(f"{server.title}: installing", flush=True)  # noqa: T201 - it takes minutes
    folder = environment(server)
    venv.create(folder, with_pip=True)
    pip = (*_GENTLY, str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    for step in server.steps:
        # One compiler at a time: the compiled one needs memory, and nobody waits for it alone.
        subprocess.run([*pip, *step], check=True, env=os.environ | {"CMAKE_BUILD_PARALLEL_LEVEL": "1"})
    told = {"seconds": time.monotonic() - begun, "steps": server.steps}
    (folder / _STAMP).write_bytes(orjson.dumps(told))


def version(server: Server, distribution: str | None = None) -> str:
    """The version that is installed."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    python = environment(server) / "bin" / "python"
    command = [str(python), "-c", code, distribution or server.distribution]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Install the servers that are named, or all."""
    wanted = sys.argv[1:]
    for server in SERVERS:
        if not wanted or server.name in wanted:
            install(server)


if __name__ == "__main__":
    main()
