import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import fields

from gateway.configuration import ConfigurationError, from_environment, keys_file, load
from gateway.settings import (
    AliasSettings,
    AuthSettings,
    LimitsSettings,
    ProviderSettings,
    Quirks,
    RoutingSettings,
    SealingSettings,
    ServerSettings,
    Settings,
    StateSettings,
    TranslationSettings,
)
from tests.configuration.files import PROVIDER, problems, written

EXAMPLE = Path(__file__).parents[2] / "config" / "gateway.toml"


def example_switched_on() -> str:
    return re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_example_is_the_defaults() -> None:
    settings = load(EXAMPLE, {})
    assert settings.server == ServerSettings()
    assert settings.auth == AuthSettings(keys_file=str(EXAMPLE.parent.absolute() / "keys.toml"))
    assert settings.translation == TranslationSettings()
    assert (settings.providers, settings.models) == ((), ())


def test_the_example_with_everything_switched_on_is_the_defaults_too(tmp_path: Path) -> None:
    settings = load(written(tmp_path, example_switched_on()), {})
    assert settings.providers == (ProviderSettings(name="local", base_url="http://127.0.0.1:8000/v1"),)
    assert settings.models == (AliasSettings(id="coder", targets=("local/qwen3-32b",)),)


def test_every_setting_is_in_the_example() -> None:
    document = tomllib.loads(example_switched_on())
    shown: dict[type[msgspec.Struct], dict[str, object]] = {
        Settings: document,
        ServerSettings: document["server"],
        AuthSettings: document["auth"],
        TranslationSettings: document["translation"],
        RoutingSettings: document["routing"],
        ProviderSettings: document["providers"][0],
        Quirks: document["providers"][0]["quirks"],
        AliasSettings: document["models"][0],
    }
    for kind, table in shown.items():
        assert set(table) == {one.name for one in fields(kind)}, kind.__name__


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    settings = load(written(tmp_path, ""), {})
    auth = AuthSettings(keys_file=str(tmp_path / "keys.toml"))
    sealing = SealingSettings(keys_file=str(tmp_path / "sealing.keys"))
    state = StateSettings(path=str(tmp_path / "responses.db"))
    limits = LimitsSettings(budgets_file=str(tmp_path / "budgets.json"))
    assert settings == Settings(auth=auth, limits=limits, sealing=sealing, state=state)


def test_a_provider_and_an_alias_are_read(tmp_path: Path) -> None:
    text = (
        PROVIDER
        + 'models = ["qwen*"]\nheaders = { "X-Title" = "gateway" }\n'
        + '[providers.quirks]\nthink_tags = "on"\nextra_body = { top_k = 20, deep = { list = [1, "a"] } }\n'
        + '[[models]]\nid = "coder"\ntargets = ["local/org/qwen", "local/b"]\n'
    )
    settings = load(written(tmp_path, text), {})
    assert settings.models == (AliasSettings(id="coder", targets=("local/org/qwen", "local/b")),)
    assert settings.providers[0].models == ("qwen*",)
    assert settings.providers[0].headers == {"X-Title": "gateway"}
    assert settings.providers[0].quirks == Quirks(think_tags="on", extra_body={"top_k": 20, "deep": {"list": [1, "a"]}})


@pytest.mark.parametrize("name", ["sub/keys.toml", "/elsewhere/keys.toml"])
def test_the_keys_file_is_beside_the_configuration(tmp_path: Path, name: str) -> None:
    settings = load(written(tmp_path, f'[auth]\nkeys_file = "{name}"'), {})
    assert settings.auth.keys_file == str(tmp_path / name)


def test_a_relative_path_of_the_configuration_gives_an_absolute_keys_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert load(Path("gateway.toml"), {}).auth.keys_file == str(tmp_path / "keys.toml")


def test_without_a_file_all_is_default_and_there_is_no_keys_file() -> None:
    assert from_environment({}) == Settings(
        auth=AuthSettings(keys_file=""),
        limits=LimitsSettings(budgets_file=""),
        sealing=SealingSettings(keys_file=""),
    )


def test_without_a_file_the_environment_may_name_the_keys_file(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.toml")
    assert from_environment({"GATEWAY_KEYS_FILE": path}).auth.keys_file == path


def test_the_keys_file_is_found_without_the_variables_of_providers(tmp_path: Path) -> None:
    path = written(tmp_path, 'unknown = 1\n[auth]\nkeys_file = "${NAME}.toml"\n' + PROVIDER + 'api_key = "${KEY}"')
    assert keys_file(path, {"NAME": "k"}) == tmp_path / "k.toml"


def test_no_keys_file_is_none(tmp_path: Path) -> None:
    assert keys_file(written(tmp_path, '[auth]\nkeys_file = ""'), {}) is None
    assert load(written(tmp_path, '[auth]\nkeys_file = ""'), {}).auth.keys_file == ""


def test_a_wrong_auth_table_is_refused_there_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"auth\.keys_file: expected `str`"):
        keys_file(written(tmp_path, "[auth]\nkeys_file = 1"), {})


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = (
        '[server]\nport = "x"\nbogus = 1\n[[providers]]\nname = "a/b"\nbase_url = "x"\n'
        '[[models]]\nid = "m"\ntargets = ["c/d"]\n[[providers]]\nbase_url = "http://h"\nmodels = "x"'
    )
    assert [problem.split(":")[0] for problem in problems(tmp_path, text)] == [
        "server.bogus",
        "server.port",
        "providers[0].name",
        "providers[0].base_url",
        "providers[1].models",
        "providers[1].name",
        "models[0].targets[0]",
    ]


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[server]\nport = = 1")
    assert problem.startswith("is not TOML: ")
    assert "line 2" in problem


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"a = \xff")
    with pytest.raises(ConfigurationError, match=r"is not UTF-8 \(byte 4\)"):
        load(path, {})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


def test_a_dialect_sets_what_the_file_does_not(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "m"\ndialect = "mistral"\n[providers.quirks]\ntool_call_id = "keep"\n'
    provider = load(written(tmp_path, text), {}).providers[0]
    assert provider.base_url == "https://api.mistral.ai/v1"
    assert (provider.quirks.tool_call_id, provider.quirks.user_after_tool) == ("keep", "assistant")


def test_a_dialect_without_a_public_address_needs_one(tmp_path: Path) -> None:
    assert problems(tmp_path, '[[providers]]\nname = "v"\ndialect = "vllm"\n') == ["providers[0].base_url: is required"]


def test_the_file_of_the_budgets_is_beside_the_configuration(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}).limits.budgets_file == str(tmp_path / "budgets.json")
    assert load(written(tmp_path, "[limits]\nbudgets_file = ''\n"), {}).limits.budgets_file == ""
    assert from_environment({}).limits.budgets_file == ""
