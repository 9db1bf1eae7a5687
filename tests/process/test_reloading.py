import asyncio
import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.access.issuing import add_key
from gateway.access.keys import KeyStore
from gateway.configuration import ConfigurationError
from gateway.process.reloading import Reloads, on_signal, reload, with_fixed
from gateway.settings import (
    AdminSettings,
    KeyLimits,
    LimitsSettings,
    LoggingSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
    TranslationSettings,
)
from gateway.settings.providers import Prices
from gateway.web.current import Current
from tests.fakes.log import captured_log
from tests.fakes.upstream import WAIT

OLD = Settings(providers=(ProviderSettings(name="old", base_url="http://old.example/v1"),))
NEW = Settings(providers=(ProviderSettings(name="new", base_url="http://new.example/v1"),))


def refuse() -> Settings:
    raise ConfigurationError(["gateway.toml: server.prot: unknown key"])


def keys_of(folder: Path) -> tuple[Path, KeyStore]:
    path = folder / "keys.toml"
    add_key(path, "first")
    return path, KeyStore(path)


async def test_both_are_taken_over(tmp_path: Path) -> None:
    path, keys = keys_of(tmp_path)
    current = Current(OLD)
    await current.open()
    text = add_key(path, "second")
    assert await reload(current, keys, lambda: NEW)
    assert current.settings == NEW
    assert keys.ring.authenticate(f"Bearer {text}") is not None
    await current.close()


@pytest.mark.parametrize("broken", ["configuration", "keys"])
async def test_when_one_is_broken_both_stay(tmp_path: Path, broken: str) -> None:
    path, keys = keys_of(tmp_path)
    current = Current(OLD)
    await current.open()
    text = add_key(path, "second")
    if broken == "keys":
        path.write_text("[[keys]\n")
    with captured_log() as log:
        assert not await reload(current, keys, refuse if broken == "configuration" else lambda: NEW)
    assert current.settings == OLD
    assert keys.ring.authenticate(f"Bearer {text}") is None
    assert len(keys.ring) == 1
    (entry,) = log.entries("configuration refused, the old one stays")
    assert entry["problems"]
    await current.close()


async def test_a_budget_that_nobody_would_count_any_more_is_refused(tmp_path: Path) -> None:
    path, keys = keys_of(tmp_path)
    priced = Settings(providers=(replace(OLD.providers[0], prices={"*": Prices(input=1)}),))
    current = Current(priced)
    await current.open()
    add_key(path, "second", limits=KeyLimits(cost_per_day=5))
    assert await reload(current, keys, lambda: priced)
    with captured_log() as log:
        assert not await reload(current, keys, lambda: NEW)
    assert current.settings == priced
    (entry,) = log.entries("configuration refused, the old one stays")
    assert "key 'second': cost_per_day" in entry["problems"][0]
    await current.close()


async def test_a_changed_keys_file_is_held_to_the_configuration_in_force(tmp_path: Path) -> None:
    path, keys = keys_of(tmp_path)
    current = Current(OLD)
    await current.open()
    with captured_log() as log:
        async with on_signal(Reloads(current, keys, lambda: OLD), keys, current, 0.01), asyncio.timeout(WAIT):
            add_key(path, "second", limits=KeyLimits(cost_per_day=5))
            while not keys.is_refused:  # noqa: ASYNC110 - the file tells nobody
                await asyncio.sleep(0.01)
    assert len(keys.ring) == 1
    assert log.entries("keys file refused, the old keys stay valid")
    await current.close()


async def test_what_only_a_restart_brings_is_named_and_stays(tmp_path: Path) -> None:
    _, keys = keys_of(tmp_path)
    loaded = Settings(
        server=ServerSettings(port=1, drain_seconds=5),
        admin=AdminSettings(port=9),
        translation=TranslationSettings(mode="strict"),
    )
    current = Current(OLD)
    await current.open()
    with captured_log() as log:
        assert await reload(current, keys, lambda: loaded)
    (entry,) = log.entries("some settings wait for a restart")
    assert entry["settings"] == ["server.port", "admin"]
    assert current.settings.server == ServerSettings(drain_seconds=5)
    assert current.settings.admin == OLD.admin
    assert current.settings.translation.mode == "strict"
    await current.close()


def test_every_section_is_taken_over_or_fixed() -> None:
    """A section that is added has to be thought of: most settings work at once, some have made something at the start."""
    settings, different = with_fixed(Settings(), OLD)
    assert different == []
    assert settings == Settings()


async def test_the_log_changes_its_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, keys = keys_of(tmp_path)
    current = Current(OLD)
    await current.open()
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers = []
    try:
        await reload(current, keys, lambda: Settings(logging=LoggingSettings(format="json", level="debug")))
        assert root.level == logging.DEBUG
        for handler in root.handlers:
            handler.flush()
    finally:
        root.handlers = handlers
        root.setLevel(level)
    assert "configuration loaded" in capsys.readouterr().err
    await current.close()


async def test_many_wishes_are_few_reloads_and_a_fault_ends_none_of_them(tmp_path: Path) -> None:
    _, keys = keys_of(tmp_path)
    current = Current(OLD)
    await current.open()
    began, ended = list[int](), asyncio.Queue[tuple[bool, bool]]()

    def load() -> Settings:
        if len(began) == 1:
            raise ZeroDivisionError
        return NEW

    reloads = Reloads(
        current, keys, load, lambda: began.append(1), lambda done: ended.put_nowait((done, current.is_refused))
    )
    task = asyncio.create_task(reloads.run())
    with captured_log() as log:
        reloads.ask()
        assert await asyncio.wait_for(ended.get(), WAIT) == (False, True)
    assert log.entries("the configuration could not be taken over, the old one stays")
    for _ in range(1000):
        reloads.ask()
    assert await asyncio.wait_for(ended.get(), WAIT) == (True, False)
    assert current.settings == NEW
    assert len(began) == 2
    task.cancel()
    await current.close()


def test_limits_change_and_where_they_are_counted_does_not() -> None:
    loaded = Settings(limits=LimitsSettings(requests_per_minute=5, redis="redis://127.0.0.1"))
    settings, different = with_fixed(loaded, Settings())
    assert settings.limits == LimitsSettings(requests_per_minute=5)
    assert different == ["limits.redis"]
