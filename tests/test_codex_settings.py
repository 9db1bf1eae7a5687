import tomllib
from pathlib import Path

import orjson
import pytest

from gateway.codex_settings import CodexSettings, choose, fragment, write_catalog
from gateway.configuration import ConfigurationError
from gateway.settings import AliasSettings, ProviderSettings, ServerSettings, Settings
from gateway.spec.codex import catalog_entry

LARGE = ProviderSettings(name="large", base_url="http://h", context_windows={"m*": 9000})
SMALL = ProviderSettings(name="small", base_url="http://h", models=("n",), context_windows={"n": 5000})
SETTINGS = Settings(providers=(LARGE, SMALL), models=(AliasSettings(id="coder", targets=("large/m1", "small/n")),))


def chosen(model: str = "large/m1", settings: Settings | None = SETTINGS, catalog: Path | None = None) -> CodexSettings:
    return choose(model, settings, url=None, env_key="KEY", catalog=catalog)


@pytest.mark.parametrize(("model", "window"), [("large/m1", 9000), ("large/x", None), ("coder", 5000), ("n", 5000)])
def test_the_window_is_the_configured_one(model: str, window: int | None) -> None:
    assert chosen(model).context_window == window


@pytest.mark.parametrize("model", ["none/m", "small/x", "coders", "m1"])
def test_a_model_that_the_gateway_lacks_is_refused_with_what_it_has(model: str) -> None:
    with pytest.raises(ValueError, match=f"no model '{model}'. It has coder, large/…, small/…"):
        chosen(model)


def test_without_a_configuration_any_model_will_do() -> None:
    assert chosen("any/thing", None).base_url == "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:81/v1"),
        ("::", "http://127.0.0.1:81/v1"),
        ("::1", "http://[::1]:81/v1"),
        ("10.0.0.5", "http://10.0.0.5:81/v1"),
        ("box.lan", "http://box.lan:81/v1"),
    ],
)
def test_the_address_is_the_one_that_can_be_reached(host: str, url: str) -> None:
    settings = Settings(server=ServerSettings(host=host, port=81), providers=(LARGE,))
    assert chosen(settings=settings).base_url == url


def test_a_port_that_is_taken_freely_needs_the_url() -> None:
    settings = Settings(server=ServerSettings(port=0), providers=(LARGE,))
    with pytest.raises(ValueError, match="--url"):
        chosen(settings=settings)
    assert choose("large/m", settings, url="https://x/v1/", env_key="K", catalog=None).base_url == "https://x/v1"


@pytest.mark.parametrize(("heartbeat", "milliseconds"), [("event", 300_000), ("comment", 960_000), ("off", 960_000)])
def test_codex_waits_as_long_as_the_gateway_may_be_silent(heartbeat: str, milliseconds: int) -> None:
    slow = ProviderSettings(name="large", base_url="http://h", first_byte_timeout_seconds=900)
    server = ServerSettings(heartbeat=heartbeat)  # type: ignore[arg-type]  # one of three words
    told = tomllib.loads(fragment(chosen(settings=Settings(server=server, providers=(slow,)))))
    assert told["model_providers"]["gateway"]["stream_idle_timeout_ms"] == milliseconds


def test_the_fragment_is_all_that_codex_needs(tmp_path: Path) -> None:
    told = fragment(chosen(catalog=tmp_path / "catalog.json"))
    assert tomllib.loads(told) == {
        "model": "large/m1",
        "model_provider": "gateway",
        "model_context_window": 9000,
        "model_catalog_json": str(tmp_path / "catalog.json"),
        "model_providers": {
            "gateway": {
                "name": "gateway",
                "base_url": "http://127.0.0.1:8080/v1",
                "env_key": "KEY",
                "wire_api": "responses",
                "stream_idle_timeout_ms": 300_000,
            }
        },
    }
    assert "#model_context_window" not in told
    assert "--catalog" not in told


def test_what_is_not_known_is_said_in_comments() -> None:
    told = fragment(chosen("large/x"))
    assert "#model_context_window" in told
    assert "--catalog FILE" in told


def test_the_catalog_describes_the_one_model(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    write_catalog(path, chosen())
    assert orjson.loads(path.read_bytes()) == {"models": [catalog_entry("large/m1", 9000)]}
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_catalog(tmp_path / "none" / "catalog.json", chosen())
