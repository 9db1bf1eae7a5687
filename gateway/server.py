"""The process: starts the application, listens, reacts to signals, and drains before it ends.

What signals do is in `gateway.process`: TERM or INT drains, a second one ends at once, HUP reads configuration and keys
again.
"""

import asyncio
import gc
import ipaddress
import logging
import os
import platform
import socket
import sys
from pathlib import Path

import aiohttp
import click
import uvloop
from msgspec.structs import replace

from gateway import __version__
from gateway.access.keys import KeyStore, new_key
from gateway.access.money import check_money
from gateway.access.sealing import Sealer, sealer_from
from gateway.configuration import ConfigurationError
from gateway.process.reloading import Load, Reloads, on_signal
from gateway.process.stopping import Stop, drain
from gateway.process.systemd import Inherited, ServiceManager, inherited_sockets
from gateway.settings import ProviderSettings, Settings
from gateway.store.opening import open_store
from gateway.telemetry import logs
from gateway.telemetry.traces import open_traces
from gateway.web import admin
from gateway.web.app import create_app
from gateway.web.runner import GatewayRunner
from gateway.web.services import SERVICES

_log = logging.getLogger(__name__)

_COLLECTOR_THRESHOLDS = (10_000, 20, 50)
"""A request makes few cycles and many objects: looking for the first every 700 of the second costs a tenth of the CPU
of a short request (benchmarks/README.md)."""


_STATUS = {True: "The configuration has been reloaded.", False: "The configuration was refused, the old one stays."}


def serve(settings: Settings, load: Load, *, demo: bool, environment_keys: str | None) -> None:
    """Serve until a signal.

    Args:
        settings: the whole configuration.
        load: reads it again, for a reload.
        demo: add the built-in upstream as the provider `demo`, and print a key and a line to try it.
        environment_keys: the value of `GATEWAY_API_KEYS`.

    Raises:
        ConfigurationError: when the keys are broken, or missing on an address that others can reach.
        OSError: when the address cannot be listened on.
    """
    logs.configure(sys.stderr, settings=settings.logging)
    inherited = inherited_sockets(os.environ)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, load, inherited, demo=demo, environment_keys=environment_keys))


async def _serve(
    settings: Settings, load: Load, inherited: Inherited, *, demo: bool, environment_keys: str | None
) -> None:
    if not demo:
        await _serve_until_stopped(settings, load, _keys(settings, environment_keys, inherited), inherited)
        return
    from gateway.demo.app import running  # noqa: PLC0415 - only the demo needs it

    keys = _keys(settings, environment_keys, inherited)
    key = None
    if keys.is_open:
        key, _ = new_key()
        keys = _keys(settings, key, inherited)
    async with running("127.0.0.1", 0) as base_url:
        provider = ProviderSettings(name="demo", base_url=base_url)

        def with_demo(settings: Settings) -> Settings:
            return replace(settings, providers=(*settings.providers, provider))

        await _serve_until_stopped(with_demo(settings), lambda: with_demo(load()), keys, inherited, key)


def _keys(settings: Settings, environment_keys: str | None, inherited: Inherited) -> KeyStore:
    path = Path(settings.auth.keys_file) if settings.auth.keys_file else None
    keys = KeyStore(path, environment_keys)
    check_money(keys.ring, settings)
    open_to_others = [host for host in _hosts(settings, inherited) if not _is_loopback(host)]
    if keys.is_open and open_to_others:
        problem = (
            f"server.host: {open_to_others[0]} can be reached by others, and there is no key. "
            "Make one with 'responses-gateway keys add NAME', or set GATEWAY_API_KEYS."
        )
        raise ConfigurationError([problem])
    return keys


def _hosts(settings: Settings, inherited: Inherited) -> list[str]:
    """The addresses that are listened on; who reaches a socket in the file system, its mode decides."""
    if inherited.public:
        return [each.getsockname()[0] for each in inherited.public if each.family != socket.AF_UNIX]
    return [settings.server.host]


def _sealer(settings: Settings) -> Sealer:
    return sealer_from(Path(settings.sealing.keys_file) if settings.sealing.keys_file else None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve_until_stopped(
    settings: Settings, load: Load, keys: KeyStore, inherited: Inherited, demo_key: str | None = None
) -> None:
    app = create_app(settings, keys, _sealer(settings), open_store(settings.state))
    services = app[SERVICES]
    current, readiness = services.current, services.readiness
    services.traces = traces = open_traces(settings.tracing)
    runner = GatewayRunner(app, keep_alive_seconds=settings.server.keep_alive_seconds)
    manager = ServiceManager(os.environ)
    stop = Stop()
    await runner.setup()
    _calm_collector()
    try:
        address = await _listen(runner, settings, inherited)
        _log.info("listening", extra={"fields": _description(address, settings, keys)})
        if demo_key is not None:
            click.echo(_invitation(address, demo_key))
        reloads = Reloads(
            app[SERVICES].current, keys, load, manager.reloading, lambda done: manager.ready(_STATUS[done])
        )
        async with (
            on_signal(reloads, keys, current, settings.auth.reload_seconds),
            admin.listening(app, settings.admin, inherited.admin),
            manager.assured(),
        ):
            manager.ready(f"Listening on {address}.")
            await stop.first.wait()
            manager.stopping(f"Draining: {readiness.requests} requests under way.")
            await drain(
                runner,
                app[SERVICES].readiness,
                app[SERVICES].running,
                stop,
                app[SERVICES].current.settings.server.drain_seconds,
            )
    finally:
        await runner.cleanup()
        if traces is not None:
            await asyncio.to_thread(traces.close)
    _log.info("stopped")


async def _listen(runner: GatewayRunner, settings: Settings, inherited: Inherited) -> str:
    """Takes connections, and tells where: on the sockets that the process was started with, or else on its own."""
    if inherited.public:
        await runner.adopt(inherited.public)
        return ", ".join(_name_of(each) for each in inherited.public)
    host, port = await runner.listen(settings.server)
    return f"{host}:{port}"


def _name_of(listener: socket.socket) -> str:
    name = listener.getsockname()
    return f"unix:{name}" if listener.family == socket.AF_UNIX else f"{name[0]}:{name[1]}"


def _calm_collector() -> None:
    """What has been loaded stays for good, so that the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _description(address: str, settings: Settings, keys: KeyStore) -> dict[str, object]:
    return {
        "address": address,
        "version": __version__,
        "python": platform.python_version(),
        "aiohttp": aiohttp.__version__,
        "providers": [provider.name for provider in settings.providers],
        "keys": len(keys.ring),
    }


def _invitation(address: str, key: str) -> str:
    return f"""
The gateway is ready, with a demo upstream behind it. Try it in another terminal:

  curl -N http://{address}/v1/responses -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "demo/demo", "input": "Say hello", "stream": true}}'

Press Ctrl-C to stop.
"""
