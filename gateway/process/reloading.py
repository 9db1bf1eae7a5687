"""Reading configuration and keys again while requests are under way: all of it is taken over, or nothing."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable

from msgspec.structs import replace

from gateway.access.keys import KeyStore
from gateway.access.money import check_money
from gateway.configuration import ConfigurationError
from gateway.settings import Settings
from gateway.telemetry import logs
from gateway.web.current import Current

_log = logging.getLogger(__name__)

Load = Callable[[], Settings]
"""Reads the settings again, as at the start.

Raises:
    ConfigurationError: with all that is wrong.
"""

_FIXED_SECTIONS = ("admin", "auth", "sealing", "state", "tracing")
_FIXED_KEYS = {
    "server": ("host", "port", "reuse_port", "keep_alive_seconds"),
    "limits": ("redis", "redis_timeout_seconds", "budgets_file"),
}
"""By their section, of which the others can change."""


async def reload(current: Current, keys: KeyStore, load: Load) -> bool:
    """Takes over what configuration and keys file say now. Requests under way go on with what they began with.

    When either is broken, the old ones stay, the reason is logged, and the answer is False.
    """
    try:
        loaded = await asyncio.to_thread(load)
        ring = keys.read()
        check_money(ring, loaded)
    except ConfigurationError as error:
        _log.error("configuration refused, the old one stays", extra={"fields": {"problems": error.problems}})
        return False
    old = current.settings
    settings, needing_a_restart = with_fixed(loaded, old)
    await current.replace(settings)
    keys.take(ring)
    if settings.logging != old.logging:
        logs.configure(sys.stderr, settings=settings.logging)
    fields = {"providers": [provider.name for provider in settings.providers]}
    _log.info("configuration loaded", extra={"fields": fields})
    if needing_a_restart:
        _log.warning("some settings wait for a restart", extra={"fields": {"settings": needing_a_restart}})
    return True


def with_fixed(loaded: Settings, old: Settings) -> tuple[Settings, list[str]]:
    """The loaded settings, with the old ones where only a restart brings new ones, and what differs there."""
    sections = {name: getattr(old, name) for name in _FIXED_SECTIONS}
    different: list[str] = []
    for name, keys in _FIXED_KEYS.items():
        section, before = getattr(loaded, name), getattr(old, name)
        different += [f"{name}.{key}" for key in keys if getattr(section, key) != getattr(before, key)]
        sections[name] = replace(section, **{key: getattr(before, key) for key in keys})
    different += [name for name in _FIXED_SECTIONS if getattr(loaded, name) != getattr(old, name)]
    return replace(loaded, **sections), different


class Reloads:
    """Reloads one after the other; those that are asked for while one runs become one.

    Args:
        current: gets the new configuration.
        keys: are read again too.
        load: reads the settings.
        on_begin: called before one.
        on_end: called after one, with whether it was taken over.
    """

    def __init__(
        self,
        current: Current,
        keys: KeyStore,
        load: Load,
        on_begin: Callable[[], None] = lambda: None,
        on_end: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._current, self._keys, self._load = current, keys, load
        self._on_begin, self._on_end = on_begin, on_end
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """One more is wanted."""
        self._asked.set()

    async def run(self) -> None:
        """Does what is asked for; never returns."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._on_begin()
            is_done = await self._reload()
            self._current.is_refused = not is_done
            self._on_end(is_done)

    async def _reload(self) -> bool:
        try:
            return await reload(self._current, self._keys, self._load)
        except Exception:  # noqa: BLE001 - what fails here must not end reloads, nor the process
            _log.exception("the configuration could not be taken over, the old one stays")
            return False


@contextlib.asynccontextmanager
async def on_signal(reloads: Reloads, keys: KeyStore, current: Current, interval: float) -> AsyncIterator[None]:
    """While the block runs, HUP reloads all, and a change of the keys file, looked at so often, the keys."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)
    tasks = [
        asyncio.create_task(reloads.run(), name="reload"),
        asyncio.create_task(_watch(keys, current, interval), name="watch keys"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        loop.remove_signal_handler(signal.SIGHUP)


async def _watch(keys: KeyStore, current: Current, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        if keys.changed():
            keys.reload(lambda ring: check_money(ring, current.settings))
