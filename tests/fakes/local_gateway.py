"""The real gateway server inside the test's process: its sockets, its runner and its log, but no process of its own.

It starts in milliseconds, so that every test may have its own limits. When it ends, its log is held to what every
log must keep: no key, no prompt, no output, no unexpected error.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import msgspec
import orjson
from aiohttp.web import Application, UnixSite

from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.codec.json import JSONObject
from gateway.settings import (
    AliasSettings,
    LimitsSettings,
    LoggingSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
    StateSettings,
)
from gateway.store.opening import open_store
from gateway.store.protocol import Store
from gateway.telemetry.logs import JSONFormatter, discreet
from gateway.telemetry.traces import Traces
from gateway.web.app import create_app
from gateway.web.app_keys import READINESS, TRACES
from gateway.web.runner import GatewayRunner
from tests.fakes.upstream import WAIT

KEY = "test-key-of-the-local-gateway"
UPSTREAM_KEY = "upstream-secret"
PROMPT = "prompt-marker"
OUTPUT = "output-marker"
SECRETS = (KEY, UPSTREAM_KEY, PROMPT, OUTPUT)


class LogLines(logging.Handler):
    """Keeps each log line as the process would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JSONFormatter())
        self.addFilter(discreet)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def entries(self, message: str = "request") -> list[JSONObject]:
        """The lines with that message."""
        return [entry for line in self.lines if (entry := orjson.loads(line))["message"] == message]


@dataclass(slots=True)
class LocalGateway:
    """A gateway that runs in this process."""

    port: int
    app: Application
    runner: GatewayRunner
    log: LogLines
    allowed_errors: set[str] = field(default_factory=set)
    """Messages of log lines above INFO that the test expects."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    async def request_line(self, number: int = 0) -> JSONObject:
        """The log line of the request of that number, which may be a moment behind the answer."""
        async with asyncio.timeout(WAIT):
            while True:
                if len(entries := self.log.entries()) > number:
                    return entries[number]
                await asyncio.sleep(0.005)

    async def wait_for_requests(self, number: int) -> None:
        """Wait, not for ever, until so many requests are under way."""
        async with asyncio.timeout(WAIT):
            while True:
                if self.app[READINESS].requests == number:
                    return
                await asyncio.sleep(0.005)

    def check_log(self) -> None:
        """Hold the log to what it must keep, whatever happened."""
        text = "\n".join(self.log.lines)
        for secret in SECRETS:
            assert secret not in text, text
        loud = [entry for line in self.log.lines if (entry := orjson.loads(line))["level"] not in ("INFO", "DEBUG")]
        assert [entry for entry in loud if entry["message"] not in self.allowed_errors] == []


@asynccontextmanager
async def local_gateway(
    *providers: ProviderSettings,
    aliases: tuple[AliasSettings, ...] = (),
    keys: KeyStore | None = None,
    unix_path: str | None = None,
    server: Mapping[str, object] | None = None,
    state: Mapping[str, object] | None = None,
    limits: Mapping[str, object] | None = None,
    store: Store | None = None,
    traces: Traces | None = None,
    logs_bodies: bool = False,
) -> AsyncIterator[LocalGateway]:
    """Run the gateway for these providers, with these members of `[server]`, `[state]` and `[limits]`, or with a store as it is."""
    listening = msgspec.convert({"port": 0, **(server or {})}, ServerSettings)
    keeping = msgspec.convert(state or {}, StateSettings)
    limiting = msgspec.convert({"budgets_file": "", **(limits or {})}, LimitsSettings)
    settings = Settings(
        server=listening,
        state=keeping,
        limits=limiting,
        logging=LoggingSettings(bodies=logs_bodies),
        providers=providers,
        models=aliases,
    )
    app = create_app(settings, keys or KeyStore(None, KEY), sealer_from(None), store or open_store(settings.state))
    if traces is not None:
        app[TRACES] = traces
    runner = GatewayRunner(app)
    runner.hurry()
    await runner.setup()
    with captured_log() as log:
        try:
            _, port = await runner.listen(settings.server)
            if unix_path is not None:
                await UnixSite(runner, unix_path).start()
            gateway = LocalGateway(port, app, runner, log)
            yield gateway
        finally:
            await runner.cleanup()
        gateway.check_log()


def provider(base_url: str, **members: object) -> ProviderSettings:
    """The provider `up` with a key, at this address."""
    return msgspec.convert({"name": "up", "base_url": base_url, "api_key": UPSTREAM_KEY} | members, ProviderSettings)


@contextmanager
def captured_log() -> Iterator[LogLines]:
    """Keeps what is logged while the block runs."""
    root = logging.getLogger()
    level, log = root.level, LogLines()
    root.addHandler(log)
    root.setLevel(logging.INFO)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(level)
