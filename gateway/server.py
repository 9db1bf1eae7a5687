"""The process: starts the application, listens, reacts to signals, and drains before it ends.

TERM or INT stops: no new connection, streams go on until the drain limit and then get an honest end. A second one
ends at once. HUP reads the keys again.
"""

import asyncio
import contextlib
import gc
import ipaddress
import logging
import platform
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import click
import uvloop
from msgspec.structs import replace

from gateway import __version__
from gateway.access.keys import KeyStore, new_key
from gateway.access.sealing import Sealer, sealer_from
from gateway.configuration import ConfigurationError
from gateway.exchange.running import RunningExchanges
from gateway.settings import ProviderSettings, Settings
from gateway.store.opening import open_store
from gateway.telemetry import logs
from gateway.web import admin
from gateway.web.app import create_app
from gateway.web.app_keys import READINESS, RUNNING, Readiness
from gateway.web.runner import GatewayRunner

_log = logging.getLogger(__name__)

_COLLECTOR_THRESHOLDS = (10_000, 20, 50)
"""A request makes few cycles and many objects: looking for the first every 700 of the second costs a tenth of the CPU
of a short request, and more with every response that is stored (benchmarks/README.md)."""

_GRACE_SECONDS = 0.5
"""For connections that were accepted just before listening stopped: without it about one request in 500 is cut."""

_LAST_WORDS_SECONDS = 2.0
"""For the terminal events of the streams that the drain limit ends."""


def serve(settings: Settings, *, demo: bool, environment_keys: str | None) -> None:
    """Serve until a signal.

    Args:
        settings: the whole configuration.
        demo: add the built-in upstream as the provider `demo`, and print a key and a line to try it.
        environment_keys: the value of `GATEWAY_API_KEYS`.

    Raises:
        ConfigurationError: when the keys are broken, or missing on an address that others can reach.
        OSError: when the address cannot be listened on.
    """
    logs.configure(sys.stderr, settings=settings.logging)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, demo=demo, environment_keys=environment_keys))


async def _serve(settings: Settings, *, demo: bool, environment_keys: str | None) -> None:
    if not demo:
        await _serve_until_stopped(settings, _keys(settings, environment_keys))
        return
    from gateway.demo.app import running  # noqa: PLC0415 - only the demo needs it

    keys = _keys(settings, environment_keys)
    key = None
    if keys.is_open:
        key, _ = new_key()
        keys = _keys(settings, key)
    async with running("127.0.0.1", 0) as base_url:
        provider = ProviderSettings(name="demo", base_url=base_url)
        settings = replace(settings, providers=(*settings.providers, provider))
        await _serve_until_stopped(settings, keys, demo_key=key)


def _keys(settings: Settings, environment_keys: str | None) -> KeyStore:
    path = Path(settings.auth.keys_file) if settings.auth.keys_file else None
    keys = KeyStore(path, environment_keys)
    if keys.is_open and not _is_loopback(settings.server.host):
        problem = (
            f"server.host: {settings.server.host} can be reached by others, and there is no key. "
            "Make one with 'responses-gateway keys add NAME', or set GATEWAY_API_KEYS."
        )
        raise ConfigurationError([problem])
    return keys


def _sealer(settings: Settings) -> Sealer:
    return sealer_from(Path(settings.sealing.keys_file) if settings.sealing.keys_file else None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve_until_stopped(settings: Settings, keys: KeyStore, demo_key: str | None = None) -> None:
    app = create_app(settings, keys, _sealer(settings), open_store(settings.state))
    runner = GatewayRunner(app)
    stop = _Stop()
    await runner.setup()
    _calm_collector()
    try:
        host, port = await runner.listen(settings.server)
        _log.info("listening", extra={"fields": _description(host, port, settings, keys)})
        if demo_key is not None:
            click.echo(_invitation(host, port, demo_key))
        async with _watched(keys, settings.auth.reload_seconds), admin.listening(app, settings.admin):
            await stop.first.wait()
            await _drain(runner, app[READINESS], app[RUNNING], stop, settings.server.drain_seconds)
    finally:
        await runner.cleanup()
    _log.info("stopped")


def _calm_collector() -> None:
    """What has been loaded stays for good, so that the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _description(host: str, port: int, settings: Settings, keys: KeyStore) -> dict[str, object]:
    return {
        "address": f"{host}:{port}",
        "version": __version__,
        "python": platform.python_version(),
        "aiohttp": aiohttp.__version__,
        "providers": [provider.name for provider in settings.providers],
        "keys": len(keys.ring),
    }


def _invitation(host: str, port: int, key: str) -> str:
    return f"""
The gateway is ready, with a demo upstream behind it. Try it in another terminal:

  curl -N http://{host}:{port}/v1/responses -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "demo/demo", "input": "Say hello", "stream": true}}'

Press Ctrl-C to stop.
"""


class _Stop:
    """The signals that end the process: the first asks, the second insists."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._take)

    def _take(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


@contextlib.asynccontextmanager
async def _watched(keys: KeyStore, interval: float) -> AsyncIterator[None]:
    """Reads the keys again on HUP, and when their file has changed."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, keys.reload)
    watcher = asyncio.create_task(_watch(keys, interval), name="watch keys")
    try:
        yield
    finally:
        watcher.cancel()
        loop.remove_signal_handler(signal.SIGHUP)


async def _watch(keys: KeyStore, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        if keys.changed():
            keys.reload()


async def _drain(
    runner: GatewayRunner, readiness: Readiness, running: RunningExchanges, stop: _Stop, drain_seconds: float
) -> None:
    """Lets what runs come to its end, within limits; then what still runs is told why it ends."""
    _log.info("draining", extra={"fields": {"requests": readiness.requests}})
    readiness.is_draining = True
    await runner.stop_listening()
    await _first_of(stop.second, limit=_GRACE_SECONDS)
    await _first_of(stop.second, readiness.idle, limit=drain_seconds)
    running.expire()
    await _first_of(stop.second, readiness.idle, limit=_LAST_WORDS_SECONDS)
    if stop.second.is_set():
        runner.hurry()


async def _first_of(*events: asyncio.Event, limit: float) -> None:
    """Returns when one of the events is set, and after the limit in any case."""
    waits = [asyncio.create_task(event.wait(), name="wait to stop") for event in events]
    await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
