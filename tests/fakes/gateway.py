"""The real gateway as a process of its own, with a configuration made for the test.

Nothing in it is replaced: what a test sees here is what a user gets. Output is collected line by line, so that a
test can look for what was logged, or must not have been.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import tomli_w

from gateway.codec.json import JSONObject
from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[2]
SERVE = (sys.executable, "-m", "gateway", "serve")
KEY = "test-key-of-the-real-gateway"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
OUTPUT_SECONDS = 5.0
_BETWEEN_SIGNALS = 0.05
"""So that two of them arrive; a process that is busy longer than this takes them for one, and drains."""
SECRETS = ("upstream-secret", "wrong-secret")
"""Keys that tests use; none may ever be in the output."""


@dataclass(slots=True)
class GatewayProcess:
    """A gateway that runs. `stop` ends it; `lines` has what it wrote so far."""

    process: subprocess.Popen[bytes]
    port: int
    key: str = KEY
    lines: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """The address that clients are configured with."""
        return f"{self.origin}/v1"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a client with a key."""
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def output(self) -> str:
        """Everything that was written to stdout and stderr."""
        return "\n".join(self.lines)

    def collect_output(self) -> None:
        """Read both pipes in threads, so that the process never waits for a reader."""
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
                reader.start()
                self._readers.append(reader)

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            self.lines.extend(line.decode("utf-8", "replace").rstrip("\n") for line in pipe)

    def wait_until_ready(self) -> None:
        """Wait, not for ever, until `/healthz` answers."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the gateway did not start ({self.process.returncode}):\n{self.output}")
            time.sleep(0.02)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.origin}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    async def wait_for_line(self, text: str, *, since: int = 0) -> str:
        """The first line with the text after the first `since` lines: the log may be a moment behind the answer."""
        async with asyncio.timeout(OUTPUT_SECONDS):
            while True:
                for line in self.lines[since:]:
                    if text in line:
                        return line
                await asyncio.sleep(0.01)

    def stop_cleanly(self) -> None:
        """End the process, and hold it to what every gateway must keep: a clean exit, no traceback, no secret."""
        status = self.stop()
        assert status == 0, self.output
        for unwanted in ("Traceback", "Unclosed", "never awaited", self.key, *SECRETS):
            assert unwanted not in self.output, self.output

    def end(self) -> None:
        """End the process without its drain: the second signal insists."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            time.sleep(_BETWEEN_SIGNALS)
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end, insist after a while, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_SECONDS)
        for reader in self._readers:
            reader.join(STOP_SECONDS)
        return int(self.process.returncode)


def start_gateway(
    directory: Path,
    providers: Iterable[JSONObject],
    *,
    sections: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> GatewayProcess:
    """Start the gateway and wait until it answers.

    Args:
        directory: where its configuration is written.
        providers: the `[[providers]]` tables.
        sections: further top-level tables, as `{"server": {"heartbeat_seconds": 1}}`.
        environment: further environment variables.
    """
    configuration = directory / "gateway.toml"
    configuration.write_text(tomli_w.dumps(_with_short_limits(sections) | {"providers": list(providers)}))
    port = free_port()
    gateway = start_process([*SERVE, "--config", str(configuration), "--port", str(port)], port, environment or {})
    gateway.wait_until_ready()
    return gateway


def start_process(
    command: Sequence[str | Path],
    port: int,
    environment: Mapping[str, str],
    *,
    folder: Path = ROOT,
    descriptors: Sequence[int] = (),
) -> GatewayProcess:
    """Start a gateway by a command of any kind, without waiting for it.

    Args:
        command: what starts it.
        port: where it will listen.
        environment: further environment variables; a key is there already.
        folder: where it starts.
        descriptors: what it inherits.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ
        | {"GATEWAY_API_KEYS": KEY, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
        | dict(environment),
        pass_fds=descriptors,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    gateway = GatewayProcess(process, port)
    gateway.collect_output()
    return gateway


def _with_short_limits(sections: Mapping[str, object] | None) -> dict[str, object]:
    """The tables, with a drain that does not keep a test waiting for streams that it left open."""
    tables = dict(sections or {})
    server = tables.get("server", {})
    return tables | {"server": {"drain_seconds": 1} | (server if isinstance(server, dict) else {})}


@asynccontextmanager
async def running_gateway(
    directory: Path,
    providers: Iterable[JSONObject],
    *,
    sections: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[GatewayProcess]:
    """`start_gateway` for a test whose upstream runs in the test's own event loop."""
    gateway = await asyncio.to_thread(start_gateway, directory, providers, sections=sections, environment=environment)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(gateway.end)
