"""The real gateway server inside the test's process: its sockets, its runner and its log, but no process of its own.

It starts in milliseconds, so that every test may have its own limits. When it ends, its log is held to what every
log must keep: no key, no prompt, no output, no unexpected error.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
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
from gateway.telemetry.traces import Traces
from gateway.web.app import create_app
from gateway.web.runner import GatewayRunner
from gateway.web.services import SERVICES
from tests.fakes.log import Log, captured_log
from tests.fakes.upstream import WAIT

KEY = "test-key-of-the-local-gateway"
UPSTREAM_KEY = "upstream-secret"
PROMPT = "prompt-marker"
OUTPUT = "output-marker"
SECRETS = (KEY, UPSTREAM_KEY, PROMPT, OUTPUT)


@dataclass(slots=True)
class LocalGateway:
    """A gateway that runs in this process."""

    port: int
    app: Application
    runner: GatewayRunner
    log: Log

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    async def wait_for_requests(self, number: int) -> None:
        """Wait, not for ever, until so many requests are under way."""
        async with asyncio.timeout(WAIT):
            while True:
                if self.app[SERVICES].readiness.requests == number:
                    return
                await asyncio.sleep(0.005)


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
        app[SERVICES].traces = traces
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
        log.check(SECRETS)


def provider_table(base_url: str, **members: object) -> JSONObject:
    """The provider `up` with a key, at this address, as a configuration has it."""
    return {"name": "up", "base_url": base_url, "api_key": UPSTREAM_KEY, **members}


def provider(base_url: str, **members: object) -> ProviderSettings:
    """The same as settings."""
    return msgspec.convert(provider_table(base_url, **members), ProviderSettings)
