"""Runs the soak: a real gateway, upstreams that fail, clients that misbehave, and an operator who reloads.

The store is locked away now and then, keys come and go. What clients get is checked all the time; memory, tasks,
descriptors and calls of upstreams are looked at, and must be flat, and back where they were when all is over.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson

from gateway.access.issuing import add_key, revoke_key
from gateway.codec.json import JSONObject
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.log import Log
from tests.fakes.ports import free_port
from tests.fakes.upstream import Upstream, running_upstream
from tests.faults.shared_gateway import Gateway
from tests.soak import upstream as upstreams
from tests.soak.traffic import ACTS, Client, Tally, UnexpectedError
from tests.soak.verdict import MEGABYTE, Bounds, Finding, Sample, findings

_LOCK_WAIT_SECONDS = 5.0

_ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": str(MEGABYTE)}
"""glibc gives back what large bodies leave free, up to 60 MiB otherwise: a leak of a few would not be seen in that."""

KEEP_ALIVE_SECONDS = 5.0

IDLE_SECONDS = 15.0
"""The longest that everything takes to come back."""

EXPECTED_LINES = (
    "the store cannot be used",
    "the store works again",
    "there is no keys file",
    "cannot list the models of a provider",
    "a background response was left by its process",
)
"""What the gateway may log above INFO: the store is taken away from it on purpose, and one provider is not there. A
response in the background whose record was written after all, when nobody waited for that any more, is cleared away."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how much at once."""

    seconds: float
    warm_seconds: float = 30.0
    """Of traffic before the idle process is looked at for the first time: what is opened once is open then."""
    clients: int = 30
    think_seconds: float = 0.2
    sample_seconds: float = 2.0
    reload_seconds: float = 10.0
    lock_every_seconds: float = 60.0
    lock_seconds: float = 3.0
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(slots=True)
class Report:
    """What came of it."""

    findings: list[Finding]
    tally: Tally
    samples: list[Sample]
    terminations: dict[str, int]
    loud_lines: list[str]

    @property
    def is_good(self) -> bool:
        return all(finding.is_good for finding in self.findings)


@dataclass(slots=True)
class _Run:
    gateway: Gateway
    upstream: Upstream
    folder: Path
    plan: Plan
    tally: Tally = field(default_factory=Tally)
    samples: list[Sample] = field(default_factory=list)
    terminations: dict[str, int] = field(default_factory=dict)
    loud_lines: list[str] = field(default_factory=list)
    reloads: int = 0
    _locked_until: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def is_store_down(self) -> bool:
        """Whether it is, or was a moment ago: the gateway asks again after a pause."""
        return time.monotonic() < self._locked_until + 15

    async def sample(self) -> Sample:
        gateway = self.gateway
        self._read_log()
        return Sample(
            seconds=time.monotonic() - self._started,
            memory=gateway.memory(),
            blocks=int(await gateway.metric("python_allocated_blocks")),
            descriptors=gateway.descriptors(),
            tasks=await gateway.tasks(),
            streams=int(await gateway.metric("gateway_streams_open")),
            at_upstreams=upstreams.under_way(self.upstream),
        )

    def _read_log(self) -> None:
        lines = self.gateway.process.lines
        taken, lines[:] = lines[:], []
        for line in taken:
            entry = orjson.loads(line)
            if entry["message"] == "request":
                word = entry["termination"]
                self.terminations[word] = self.terminations.get(word, 0) + 1
            elif entry["level"] not in ("INFO", "DEBUG") and entry["message"] not in EXPECTED_LINES:
                self.loud_lines.append(line)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(self.plan.sample_seconds)
            self.samples.append(await self.sample())

    async def be_a_client(self, client: Client) -> None:
        while True:
            await self.tally.act(client)
            await asyncio.sleep(random.uniform(0, 2 * self.plan.think_seconds))

    async def operate(self, client: Client) -> None:
        """Reloads with other keys each time; the new one works, the old one does not."""
        keys, old = self.folder / "keys.toml", ""
        while True:
            await asyncio.sleep(self.plan.reload_seconds)
            new = add_key(keys, f"key {self.reloads}")
            if old:
                revoke_key(keys, f"key {self.reloads - 1}")
            loaded = await self.gateway.metric("gateway_keys")
            self.gateway.process.process.send_signal(signal.SIGHUP)
            await self._until_known(client, new, loaded)
            if old and await self._status_with(client, old) != 401:
                self.tally.unexpected.append("a key that was revoked still works")
            old, self.reloads = new, self.reloads + 1

    async def _until_known(self, client: Client, key: str, loaded: float) -> None:
        deadline = time.monotonic() + 5
        while await self._status_with(client, key) != 200:
            if time.monotonic() > deadline:
                self.tally.unexpected.append(f"a new key does not work after a reload ({loaded:g} keys before)")
                return
            await asyncio.sleep(0.05)

    async def _status_with(self, client: Client, key: str) -> int:
        url, headers = f"{self.gateway.base_url}/models", {"Authorization": f"Bearer {key}"}
        async with client.session.get(url, headers=headers) as answer:
            return answer.status

    async def lock_the_store(self) -> None:
        """Another process that holds the database for itself, as a backup does."""
        while True:
            await asyncio.sleep(self.plan.lock_every_seconds)
            self._locked_until = time.monotonic() + self.plan.lock_seconds + _LOCK_WAIT_SECONDS
            await asyncio.to_thread(_hold, self.folder / "responses.db", self.plan.lock_seconds)
            self._locked_until = time.monotonic()

    async def until_idle(self, before: Sample | None) -> Sample:
        """The gateway when nobody asks; at most as much as before, if it comes to that in time."""
        deadline = time.monotonic() + IDLE_SECONDS
        while True:
            now = await self.sample()
            is_quiet = not now.streams and not now.at_upstreams and not await self._open_requests()
            is_back = before is None or (now.tasks <= before.tasks and now.descriptors <= before.descriptors)
            if (is_quiet and is_back) or time.monotonic() > deadline:
                return now
            await asyncio.sleep(0.2)

    async def uncounted(self) -> float:
        """By how much the lines of requests in the log and the ends of requests in the metrics differ."""
        difference = await self._difference()
        for _ in range(100):
            if not difference:
                break
            await asyncio.sleep(0.05)  # the log is a moment behind
            difference = await self._difference()
        return difference

    async def _difference(self) -> float:
        self._read_log()
        return await self.gateway.metric("gateway_requests_total") - sum(self.terminations.values())

    async def _open_requests(self) -> float:
        waiting = await self.gateway.metric("gateway_background_responses_open")
        return waiting + await self.gateway.metric("gateway_requests_open")


def _hold(path: Path, seconds: float) -> None:
    """Keeps everybody else out of the database for so long."""
    with contextlib.closing(sqlite3.connect(path, timeout=_LOCK_WAIT_SECONDS)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        other.rollback()


async def soak(folder: Path, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Runs the plan and judges it.

    Args:
        folder: for the configuration, the keys and the database.
        plan: how long and how much.
        tell: gets a line now and then.
    """
    async with _running(folder, plan) as run:
        async with _clients(run, count=1) as (client,):
            await asyncio.gather(*(run.tally.do(act, client) for act in ACTS))
        await _work(run, plan.warm_seconds, tell)
        run.samples.clear()
        before = await run.until_idle(None)
        await _work(run, plan.seconds, tell)
        after = await run.until_idle(before)
        uncounted = await run.uncounted()
    found = findings(before, run.samples, after, plan.bounds)
    found += [
        Finding("unexpected answers", len(run.tally.unexpected), 0),
        Finding("faults of the gateway in its log", len(run.loud_lines), 0),
        Finding("requests whose end is not counted, or twice", abs(uncounted), 0),
        Finding("requests that ended as gateway_error", run.terminations.get("gateway_error", 0), 0),
    ]
    return Report(found, run.tally, run.samples, run.terminations, run.loud_lines)


async def _work(run: _Run, seconds: float, tell: Callable[[str], None]) -> None:
    async with _clients(run, count=run.plan.clients) as clients:
        jobs = [run.be_a_client(client) for client in clients]
        jobs += [run.watch(), run.operate(clients[0]), run.lock_the_store(), _tell_often(run, tell)]
        tasks = [asyncio.create_task(job) for job in jobs]
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise UnexpectedError("a part of the soak itself failed") from ended


async def _tell_often(run: _Run, tell: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(30)
        if run.samples:
            last = run.samples[-1]
            tell(
                f"{last.seconds:6.0f} s  {last.memory / MEGABYTE:6.1f} MiB  {last.blocks} blocks  {last.descriptors:4} descriptors  "
                f"{last.tasks:4} tasks  {last.streams:3} streams  {sum(run.tally.done.values())} acts  "
                f"{run.reloads} reloads  {len(run.tally.unexpected)} unexpected"
            )


@asynccontextmanager
async def _clients(run: _Run, count: int) -> AsyncIterator[list[Client]]:
    process = run.gateway.process
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            # A client closes idle connections before the gateway does: otherwise a request could cross with the close.
            connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_SECONDS / 2)
            session = aiohttp.ClientSession(headers=process.headers, connector=connector)
            await stack.enter_async_context(session)
            clients.append(Client(process, session, run.is_store_down))
        yield clients


@asynccontextmanager
async def _running(folder: Path, plan: Plan) -> AsyncIterator[_Run]:
    async with running_upstream() as upstream:
        upstream.respond(upstreams.script_for)
        admin_port = free_port()
        sections = _sections(admin_port, folder)
        providers = _providers(upstream.base_url)
        async with running_gateway(folder, providers, sections=sections, environment=_ENVIRONMENT) as process:
            yield _Run(Gateway(process, admin_port, Log(process.lines)), upstream, folder, plan)
            assert process.process.poll() is None, process.output


def _providers(base_url: str) -> list[JSONObject]:
    common = {"base_url": base_url, "api_key": "upstream-secret", "keep_alive_seconds": 1}
    return [
        common | {"name": "up"},
        common
        | {"name": "bad", "breaker_failures": 0, "max_tries": 1, "idle_timeout_seconds": 1.5}
        | {"first_byte_timeout_seconds": 1.5},
        common | {"name": "nowhere", "base_url": f"http://127.0.0.1:{free_port()}/v1"},
    ]


def _sections(admin_port: int, folder: Path) -> JSONObject:
    return {
        "admin": {"port": admin_port},
        "server": {
            "write_stall_seconds": 2,
            "max_body_bytes": 8_388_608,
            "heartbeat_seconds": 1,
            "keep_alive_seconds": KEEP_ALIVE_SECONDS,
        },
        "state": {
            "backend": "sqlite",
            "path": str(folder / "responses.db"),
            "max_records": 2000,
            "purge_seconds": 5,
            "timeout_seconds": 1,
        },
        "models": [{"id": "either", "targets": ["nowhere/m", "up/m"]}],
    }


__all__ = ["GatewayProcess", "Plan", "Report", "soak"]
