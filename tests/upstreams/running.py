"""A real server as a process: started, asked whether it is ready, watched from outside, killed.

What it computes is seen in its processor time, which no server can misreport: a request that was given up and a
server that goes on with it are told apart by that.
"""

import asyncio
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tests.fakes.ports import free_port
from tests.upstreams.installation import environment
from tests.upstreams.servers import MODELS, Server

START_SECONDS = 120.0
STOP_SECONDS = 20.0
IDLE_SECONDS = 0.3
"""Without any work for so long a server is idle: a token takes a hundredth of that."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class RunningServer:
    """A server that runs, on a port that it keeps when it is started again."""

    server: Server
    folder: Path
    """For its log and for the cache of models, which is empty and has to be there."""
    port: int = field(default_factory=free_port)
    seconds_to_start: float = 0.0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        begun = time.monotonic()
        (self.folder / "hub").mkdir(parents=True, exist_ok=True)
        program, *arguments = (Template(word).substitute(port=self.port) for word in self.server.command)
        command = ["nice", "-n", "15", str(environment(self.server) / "bin" / program), *arguments]
        surroundings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder), "OMP_NUM_THREADS": "1"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=MODELS,
                env=os.environ | surroundings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()
        self.seconds_to_start = time.monotonic() - begun

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._running().poll() is not None:
                self.kill()
                raise RuntimeError(f"{self.server.title} did not start:\n{self.log[-4000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        self._signal(signal.SIGKILL)
        self._running().wait(STOP_SECONDS)

    def stop(self) -> None:
        """End it as an operator does."""
        self._signal(signal.SIGTERM)
        try:
            self._running().wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._running().poll() is None:
            os.killpg(self._running().pid, number)

    def processor_seconds(self) -> float:
        """What it has computed so far, with all its processes."""
        session = str(self._running().pid)
        used = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            if words[3] == session:
                used += int(words[11]) + int(words[12])
        return used / _TICKS

    async def wait_until_idle(self, limit: float = 60.0) -> float:
        """Wait until it computes no more; gives the processor seconds that it took until then."""
        begun = last = self.processor_seconds()
        async with asyncio.timeout(limit):
            while True:
                await asyncio.sleep(IDLE_SECONDS)
                now = self.processor_seconds()
                if now - last <= 1 / _TICKS:
                    return now - begun
                last = now
