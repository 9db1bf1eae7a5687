"""A service manager for tests: it hears the notices of a process, and starts gateways on sockets that it holds, as
systemd does for a `.service` with its `.socket`.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.gateway import SERVE, GatewayProcess, start_process

WAIT = 20.0
_STOP_SECONDS = 90.0
"""As the unit has it: on a machine with too much to do a drain may take all of its time."""
_LAUNCH = """
import os, sys
for number, descriptor in enumerate(sys.argv[1].split(","), 3):
    os.dup2(int(descriptor), number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Notices:
    """What a process told its manager, one dictionary a notice."""

    def __init__(self, address: str) -> None:
        self.environment = {"NOTIFY_SOCKET": address}
        self.heard: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._arrival = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                lines = self._socket.recv(4096).decode().split("\n")
                self.heard.append({name: value for name, _, value in (line.partition("=") for line in lines)})
                self._arrival.set()

    async def wait_for(self, name: str, *, since: int = 0) -> dict[str, str]:
        """The first notice with that member, after the first `since` notices."""
        async with asyncio.timeout(WAIT):
            while True:
                for notice in self.heard[since:]:
                    if name in notice:
                        return notice
                self._arrival.clear()
                await self._arrival.wait()

    def close(self) -> None:
        """Hears nothing more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@asynccontextmanager
async def notices(address: str | Path) -> AsyncIterator[Notices]:
    """Listens for notices while the block runs."""
    heard = Notices(str(address))
    try:
        yield heard
    finally:
        heard.close()


@dataclass(slots=True)
class Instance:
    """One `responses-gateway@N` with its socket, under a manager that does what the commands of systemctl do."""

    path: Path
    """The socket in the file system."""
    config: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: GatewayProcess | None = None
    _listener: socket.socket | None = None

    def start_socket(self) -> None:
        """`systemctl start NAME.socket`: connections wait from now on, whoever takes them."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(4096)

    def stop_socket(self) -> None:
        """`systemctl stop NAME.socket`, with `RemoveOnStop=yes`: nobody finds it any more."""
        self.path.unlink()
        if self._listener is not None:
            self._listener.close()

    async def start(self) -> None:
        """`systemctl start NAME.service`: returns when it says that it is ready."""
        if self._listener is None:
            raise RuntimeError("the socket comes first")
        async with notices(self.path.with_suffix(".notify")) as heard:
            sockets = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": self.path.name}
            self.process = launch(self.config, [self._listener], heard.environment | sockets | dict(self.environment))
            await heard.wait_for("READY")
        self.path.with_suffix(".notify").unlink()

    async def stop(self) -> None:
        """`systemctl stop NAME.service`: returns when the process has ended; it must have ended well."""
        if self.process is not None:
            self.process.process.send_signal(signal.SIGTERM)
            await until_ended(self.process, _STOP_SECONDS)
            assert self.process.process.returncode == 0, self.process.output
            assert "Traceback" not in self.process.output, self.process.output

    async def rolling_restart(self) -> None:
        """As config/systemd/responses-gateway-rolling-restart does it."""
        self.stop_socket()
        await self.stop()
        self.start_socket()
        await self.start()


def launch(
    config: Path, sockets: list[socket.socket], environment: Mapping[str, str], serve: Sequence[str] = SERVE
) -> GatewayProcess:
    """Starts a gateway with sockets that listen already."""
    descriptors = [each.fileno() for each in sockets]
    listed = ",".join(map(str, descriptors))
    command = [sys.executable, "-c", _LAUNCH, listed, *serve, "--config", str(config)]
    return start_process(command, 0, environment, descriptors=descriptors)


async def until_ended(gateway: GatewayProcess, seconds: float = WAIT) -> None:
    """Waits, not for ever, for the end of the process."""
    await _until(lambda: gateway.process.poll() is not None, seconds)


async def _until(is_true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if is_true():
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def instance(
    folder: Path, config: Path, number: int = 1, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Instance]:
    """An instance that runs; where a test ends it, that must have been a clean end."""
    running = Instance(folder / f"{number}.sock", config, environment or {})
    running.start_socket()
    try:
        await running.start()
        yield running
    finally:
        if running.process is not None and running.process.process.poll() is None:
            await asyncio.to_thread(running.process.stop)
        if running.path.exists():
            running.stop_socket()
