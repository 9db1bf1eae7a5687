"""A service manager with a watchdog, as the unit has it: a process that is silent for too long is aborted, and started
again on the same socket. What has connected meanwhile waits there.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.gateway import KEY, GatewayProcess
from tests.fakes.service_manager import Notices, launch, notices, until_ended

_HANG = """
import signal, time
def hang(*_):
    print("hangs", flush=True)
    time.sleep(600)
signal.signal(signal.SIGUSR2, hang)
from gateway.cli import main
main()
"""
WITH_A_WAY_TO_HANG = (sys.executable, "-c", _HANG, "serve")
"""The gateway as it is, but for a signal that makes its event loop hang."""


@dataclass(slots=True)
class Watched:
    """A gateway under a watchdog.

    Args:
        config: its configuration.
        seconds: of silence that are too many.
    """

    config: Path
    seconds: float
    listener: socket.socket
    heard: Notices
    processes: list[GatewayProcess] = field(default_factory=list)
    """All that were started, the last of which runs."""

    async def run(self) -> None:
        """Starts one, and the next whenever one had to be aborted."""
        while True:
            process = self._start()
            while await self._is_heard():
                pass
            process.process.send_signal(signal.SIGABRT)
            await until_ended(process)

    def _start(self) -> GatewayProcess:
        sockets = {"LISTEN_FDS": "1", "WATCHDOG_USEC": str(round(self.seconds * 1_000_000)), "GATEWAY_API_KEYS": KEY}
        environment = self.heard.environment | sockets
        self.processes.append(launch(self.config, [self.listener], environment, WITH_A_WAY_TO_HANG))
        return self.processes[-1]

    async def _is_heard(self) -> bool:
        """Whether there is a notice in time; a process that starts has longer."""
        is_ready = any("READY" in notice for notice in self.heard.heard)
        since = len(self.heard.heard)
        try:
            async with asyncio.timeout(self.seconds if is_ready else None):
                await self.heard.wait_for("WATCHDOG", since=since)
        except TimeoutError:
            self.heard.heard.clear()
            return False
        return True


@asynccontextmanager
async def watched(folder: Path, config: Path, seconds: float) -> AsyncIterator[Watched]:
    """One that runs while the block does; where a process ended by itself, the block fails."""
    async with notices(folder / "notify") as heard:
        with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
            manager = Watched(config, seconds, listener, heard)
            running = asyncio.create_task(manager.run())
            await heard.wait_for("READY")
            try:
                yield manager
            finally:
                running.cancel()
                await asyncio.to_thread(manager.processes[-1].stop)
