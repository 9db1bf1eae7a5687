"""One real gateway process for many scenes: each gives it a configuration of its own and reloads it.

Providers at other addresses begin anew, so that no scene finds anything of the one before. That nothing is left is
checked each time: once the next configuration is in force, descriptors and tasks are what they were at the start.
"""

import asyncio
import json
import os
import signal
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from prometheus_client.parser import text_string_to_metric_families

from gateway.codec.json import JSONObject
from tests.fakes.gateway import GatewayProcess, start_gateway
from tests.fakes.local_gateway import KEY, SECRETS
from tests.fakes.log import Log
from tests.fakes.ports import free_port
from tests.fakes.upstream import WAIT

LEFT_TASKS = 2
LEFT_DESCRIPTORS = 2
"""How many more there may be after a scene than at the start."""

_AT_START: JSONObject = {"name": "up", "base_url": "http://127.0.0.1:1/v1"}


@dataclass(slots=True)
class Gateway:
    """The process, as one scene sees it."""

    process: GatewayProcess
    admin_port: int
    log: Log

    @property
    def port(self) -> int:
        """Of the clients."""
        return self.process.port

    @property
    def base_url(self) -> str:
        """The address that clients are configured with."""
        return self.process.base_url

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a client with a key."""
        return {"Authorization": f"Bearer {KEY}"}

    async def wait_for_requests(self, number: int) -> None:
        """Wait, not for ever, until so many requests are under way."""
        async with asyncio.timeout(WAIT):
            while True:
                if await self.metric("gateway_requests_open") == number:
                    return
                await asyncio.sleep(0.005)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        text = await asyncio.to_thread(self._fetch, "/metrics")
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    async def tasks(self) -> int:
        """How many tasks its event loop has."""
        return int(json.loads(await asyncio.to_thread(self._fetch, "/debug/tasks"))["count"])

    def _fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=WAIT) as answer:
            return str(answer.read().decode())

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self.process.process.pid}/fd").iterdir()))

    def memory(self) -> int:
        """Its resident memory, in bytes."""
        pages = Path(f"/proc/{self.process.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


class SharedGateway:
    """Starts the process for the first scene, and again after one that failed."""

    def __init__(self) -> None:
        self._process: GatewayProcess | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="shared-gateway-")
        self._admin_port = 0
        self._start: tuple[int, int] | None = None
        self._last_scene = "the start"
        self._last_log: Log | None = None

    @asynccontextmanager
    async def configured(
        self,
        *providers: JSONObject,
        aliases: Sequence[JSONObject] = (),
        server: Mapping[str, object] | None = None,
        limits: Mapping[str, object] | None = None,
    ) -> AsyncIterator[Gateway]:
        """The process with these providers, aliases and members of `[server]` and `[limits]`.

        When the block is over, its requests must be too.
        """
        tables = {"providers": list(providers), "models": list(aliases), "server": server or {}, "limits": limits or {}}
        gateway = await self._reloaded(tables)
        try:
            await self._wait_until_nothing_is_left(gateway)
            yield gateway
            await gateway.wait_for_requests(0)
        except BaseException:
            gateway.process.stop(signal.SIGKILL)
            self._process = None
            raise
        self._last_scene, self._last_log = os.environ.get("PYTEST_CURRENT_TEST", ""), gateway.log
        gateway.log.check(SECRETS)

    def close(self) -> None:
        """End the process, and hold it to a clean exit."""
        process, self._process = self._process, None
        if process is not None:
            process.stop_cleanly()
        self._folder.cleanup()

    async def _reloaded(self, tables: Mapping[str, object]) -> Gateway:
        if self._process is None:
            await asyncio.to_thread(self._begin)
        process = self._process
        assert process is not None
        since = len(process.lines)
        self._write(tables)
        process.process.send_signal(signal.SIGHUP)
        await process.wait_for_line('"configuration loaded"', since=since)
        if self._last_log is not None:  # lines come a moment late: only now are all of them there
            self._last_log.check(SECRETS)
        return Gateway(process, self._admin_port, Log(process.lines, len(process.lines)))

    def _begin(self) -> None:
        self._admin_port, self._start, self._last_log = free_port(), None, None
        sections = {"admin": {"port": self._admin_port}}
        environment = {"GATEWAY_API_KEYS": KEY}
        self._process = start_gateway(Path(self._folder.name), [_AT_START], sections=sections, environment=environment)

    def _write(self, tables: Mapping[str, object]) -> None:
        path = Path(self._folder.name, "gateway.toml")
        path.write_text(tomli_w.dumps({"admin": {"port": self._admin_port}} | dict(tables)))

    async def _wait_until_nothing_is_left(self, gateway: Gateway) -> None:
        """Of the scene before: a test in between could not know which connections are still wanted."""
        now = (await gateway.tasks(), gateway.descriptors())
        self._start = self._start or now
        most = (self._start[0] + LEFT_TASKS, self._start[1] + LEFT_DESCRIPTORS)
        try:
            async with asyncio.timeout(WAIT):
                while now[0] > most[0] or now[1] > most[1]:
                    await asyncio.sleep(0.02)
                    now = (await gateway.tasks(), gateway.descriptors())
        except TimeoutError:
            raise AssertionError(f"{self._last_scene} left tasks or descriptors: {now}, was {self._start}") from None


SHARED = SharedGateway()
"""Of the whole run; `tests/faults/conftest.py` ends it."""
