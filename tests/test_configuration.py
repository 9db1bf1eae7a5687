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

EXAMPLE = Path(__file__).parent.parent / "config" / "gateway.toml"
PROVIDER = '[[providers]]\nname = "local"\nbase_url = "http://127.0.0.1:8000/v1"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def provider(folder: Path, lines: str, **environment: str) -> ProviderSettings:
    return load(written(folder, PROVIDER + lines), environment).providers[0]


def example_switched_on() -> str:
    return re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


# What is shipped


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


# Good files


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


# The environment


def test_references_are_replaced_everywhere(tmp_path: Path) -> None:
    lines = (
        'api_key = "${KEY}"\nmodels = ["${M:-a}-${M:-b}", "$${M}"]\nheaders = { "X-A" = "<${KEY}>" }\n'
        '[providers.quirks]\nextra_body = { deep = ["${KEY}"] }'
    )
    found = provider(tmp_path, lines, KEY="se$cret")
    assert found.api_key == "se$cret"
    assert found.models == ("a-b", "${M}")
    assert found.headers == {"X-A": "<se$cret>"}
    assert found.quirks.extra_body == {"deep": ["se$cret"]}


def test_a_default_also_replaces_an_empty_variable(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY:-none}"', KEY="").api_key == "none"


def test_an_empty_default_makes_a_variable_optional(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY:-}"').api_key == ""


def test_what_a_variable_holds_is_not_expanded_again(tmp_path: Path) -> None:
    assert provider(tmp_path, 'api_key = "${KEY}"', KEY="${HOME}").api_key == "${HOME}"


def test_a_reference_may_stand_for_a_number_or_a_boolean(tmp_path: Path) -> None:
    text = '[server]\nport = "${PORT:-81}"\nreuse_port = "${REUSE}"\ndrain_seconds = "${DRAIN}"'
    server = load(written(tmp_path, text), {"REUSE": "true", "DRAIN": "1.5"}).server
    assert (server.port, server.reuse_port, server.drain_seconds) == (81, True, 1.5)


def test_a_plain_string_does_not_stand_for_a_number(tmp_path: Path) -> None:
    assert problems(tmp_path, '[server]\nport = "81"') == ["server.port: expected `int`, got `str`"]


def test_a_missing_variable_is_named_with_its_place_and_nothing_follows_from_it(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "a"\nbase_url = "${URL}"\nheaders = { X = "${KEY}" }'
    assert problems(tmp_path, text) == [
        "providers[0].base_url: the environment variable URL is not set",
        "providers[0].headers.X: the environment variable KEY is not set",
    ]


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${1A}", "${A B}", "${A-b}"])
def test_a_malformed_reference_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, PROVIDER + f'api_key = "{text}"', A="x")
    assert problem.startswith('providers[0].api_key: "${" begins a reference')


def test_without_a_file_all_is_default_and_there_is_no_keys_file() -> None:
    assert from_environment({}) == Settings(
        auth=AuthSettings(keys_file=""),
        limits=LimitsSettings(budgets_file=""),
        sealing=SealingSettings(keys_file=""),
    )


def test_without_a_file_the_environment_may_name_the_keys_file(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.toml")
    assert from_environment({"GATEWAY_KEYS_FILE": path}).auth.keys_file == path


# Only the keys file


def test_the_keys_file_is_found_without_the_variables_of_providers(tmp_path: Path) -> None:
    path = written(tmp_path, 'unknown = 1\n[auth]\nkeys_file = "${NAME}.toml"\n' + PROVIDER + 'api_key = "${KEY}"')
    assert keys_file(path, {"NAME": "k"}) == tmp_path / "k.toml"


def test_no_keys_file_is_none(tmp_path: Path) -> None:
    assert keys_file(written(tmp_path, '[auth]\nkeys_file = ""'), {}) is None
    assert load(written(tmp_path, '[auth]\nkeys_file = ""'), {}).auth.keys_file == ""


def test_a_wrong_auth_table_is_refused_there_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"auth\.keys_file: expected `str`"):
        keys_file(written(tmp_path, "[auth]\nkeys_file = 1"), {})


# Wrong files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[server]\nprot = 1", 'server.prot: unknown key; did you mean "port"?'),
        ("[servr]", 'servr: unknown key; did you mean "server"?'),
        ("zzz = 1", "zzz: unknown key"),
        ('"a b" = 1', '"a b": unknown key'),
        ("server = 1", "server: must be a table"),
        ("[providers]\nname = 1", "providers: must be written as [[providers]]"),
        ("providers = [1]", "providers[0]: must be a table"),
        ("[server]\nport = 70000", "server.port: expected `int` <= 65535"),
        ("[server]\nmax_body_bytes = 0", "server.max_body_bytes: expected `int` >= 1"),
        ("[server]\nbody_timeout_seconds = inf", "server.body_timeout_seconds: expected `float` <= 10000000.0"),
        ("[server]\nreuse_port = 1", "server.reuse_port: expected `bool`, got `int`"),
        ('[server]\nheartbeat = "x"', 'server.heartbeat: must be one of "event", "comment", "off"'),
        ('[translation]\nmode = "x"', 'translation.mode: must be one of "lenient", "strict"'),
        (PROVIDER + "models = [1]", "providers[0].models[0]: expected `str`, got `int`"),
        (PROVIDER + "headers = { A = 1 }", "providers[0].headers: expected `str`, got `int`"),
        (PROVIDER + 'headers = { "a b" = "1" }', 'providers[0].headers."a b": is not the name of a header'),
        (
            PROVIDER + 'headers = { A = "1\\n2" }',
            'providers[0].headers."A": has characters that cannot be sent in a header',
        ),
        (PROVIDER + 'quirks = { images = "x" }', 'providers[0].quirks.images: must be one of "url", "data", "none"'),
        (
            PROVIDER + 'quirks = { tool_choice = ["auto", "x"] }',
            'providers[0].quirks.tool_choice[1]: must be one of "auto", "none", "required", "named"',
        ),
        (
            PROVIDER + "quirks = { think_tag = 1 }",
            'providers[0].quirks.think_tag: unknown key; did you mean "think_tags"?',
        ),
        (PROVIDER + PROVIDER, "providers[1].name: is the same as that of providers[0]"),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = []', "models[0].targets: expected `array` of length >= 1"),
        (PROVIDER + '[[models]]\nid = "a"', "models[0].targets: is required"),
        (PROVIDER + '[[models]]\nid = "local"\ntargets = ["local/a"]', "models[0].id: is the name of a provider too"),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = ["local"]', 'models[0].targets[0]: must be "provider/model"'),
        (PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/"]', 'models[0].targets[0]: must be "provider/model"'),
        (
            PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/a", "lcal/a"]',
            'models[0].targets[1]: no provider has this name; did you mean "local"?',
        ),
        (
            PROVIDER + '[[models]]\nid = "a"\ntargets = ["local/a"]\n' * 2,
            "models[1].id: is the same as that of models[0]",
        ),
    ],
)
def test_a_problem_is_told_with_its_path(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "must be http://HOST"),
        ("127.0.0.1:8000", "must be http://HOST"),
        ("ftp://host/", "must be http://HOST"),
        ("http:///v1", "must be http://HOST"),
        ("http://host:0/v1", "must be http://HOST"),
        ("http://host:99999/", "is not a valid URL"),
        ("http://[::1/", "is not a valid URL"),
        ("http://user:geheim@host/", "must not contain credentials"),
        ("http://host/v1?", "must not contain a query or a fragment"),
        ("http://host/v1#a", "must not contain a query or a fragment"),
        ("http://host/v 1", "must be printable ASCII"),
        ("http://höst/", "must be printable ASCII"),
    ],
)
def test_a_base_url_is_a_plain_address(tmp_path: Path, url: str, expected: str) -> None:
    (problem,) = problems(tmp_path, f'[[providers]]\nname = "a"\nbase_url = "{url}"')
    assert problem.startswith(f"providers[0].base_url: {expected}")


@pytest.mark.parametrize("url", ["http://h", "https://host:8443/openai/v1/", "http://[::1]:8000/v1"])
def test_a_base_url_is_kept_as_it_stands(tmp_path: Path, url: str) -> None:
    settings = load(written(tmp_path, f'[[providers]]\nname = "a"\nbase_url = "{url}"'), {})
    assert settings.providers[0].base_url == url


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


@pytest.mark.parametrize(
    "lines",
    [
        'api_key = "${SECRET}\\n"',
        'reasoning_events = "${SECRET}"',
        'max_event_bytes = "${SECRET}"',
        'headers = "${SECRET}"',
        'headers = { A = "${SECRET}\\n" }',
        'quirks = { response_format = ["${SECRET}"] }',
        'models = "${SECRET}"',
    ],
)
def test_a_secret_is_never_repeated(tmp_path: Path, lines: str) -> None:
    (problem,) = problems(tmp_path, PROVIDER + lines, SECRET="geheim")
    assert "geheim" not in problem


def test_a_secret_in_an_address_or_a_target_is_not_repeated(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "local"\nbase_url = "http://u:${S}@h:x"\n[[models]]\nid = "m"\ntargets = ["${S}/m"]'
    assert not any("geheim" in problem for problem in problems(tmp_path, text, S="geheim"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "hosted_tools = { function = { a = 1 } }",
            "hosted_tools.function: is a tool of the client, never a hosted one",
        ),
        ("hosted_tools = { w = { stream = true } }", "hosted_tools.w.stream: is the gateway's to set"),
        ('hosted_tools = { "w*" = { model = "x" } }', 'hosted_tools."w*".model: is the gateway\'s to set'),
        ("hosted_tools = { w = 1 }", "hosted_tools: expected `object`, got `int`"),
        ('context_windows = { "q*" = 0 }', "context_windows: expected `int` >= 1"),
        ('context_windows = { "q*" = "1k" }', "context_windows: expected `int`, got `str`"),
    ],
)
def test_a_wrong_table_of_a_provider_is_told(tmp_path: Path, line: str, problem: str) -> None:
    assert problems(tmp_path, PROVIDER + line) == [f"providers[0].{problem}"]


def test_a_default_model_that_nobody_can_have_is_told(tmp_path: Path) -> None:
    server = '[server]\ndefault_model = "coder"\n'
    assert problems(
        tmp_path, server + PROVIDER + 'models = ["qwen*"]\n[[models]]\nid = "coders"\ntargets = ["local/m"]'
    ) == ['server.default_model: no provider or alias has this model; did you mean "coders"?']


@pytest.mark.parametrize(
    ("model", "models"),
    [("local/any", '["q"]'), ("alias", '["q"]'), ("qwen3", '["qwen*"]'), ("anything", "[]"), ("", '["q"]')],
)
def test_a_default_model_that_somebody_may_have_is_taken(tmp_path: Path, model: str, models: str) -> None:
    alias = '[[models]]\nid = "alias"\ntargets = ["local/q"]'
    text = f'[server]\ndefault_model = "{model}"\n{PROVIDER}models = {models}\n{alias}'
    assert load(written(tmp_path, text), {}).server.default_model == model


# Presets


def test_a_dialect_sets_what_the_file_does_not(tmp_path: Path) -> None:
    text = '[[providers]]\nname = "m"\ndialect = "mistral"\n[providers.quirks]\ntool_call_id = "keep"\n'
    provider = load(written(tmp_path, text), {}).providers[0]
    assert provider.base_url == "https://api.mistral.ai/v1"
    assert (provider.quirks.tool_call_id, provider.quirks.user_after_tool) == ("keep", "assistant")


def test_a_dialect_without_a_public_address_needs_one(tmp_path: Path) -> None:
    assert problems(tmp_path, '[[providers]]\nname = "v"\ndialect = "vllm"\n') == ["providers[0].base_url: is required"]


def test_a_wrong_dialect_is_told_with_the_nearest(tmp_path: Path) -> None:
    assert problems(tmp_path, PROVIDER + 'dialect = "llama-cpp"\n') == [
        'providers[0].dialect: no preset has this name; did you mean "llama_cpp"?'
    ]


@pytest.mark.parametrize(("pattern", "name"), [("model", "model"), ("mess*", "messages"), ("strea?", "stream")])
def test_what_every_request_needs_cannot_be_dropped(tmp_path: Path, pattern: str, name: str) -> None:
    text = f'{PROVIDER}[providers.quirks]\ndrop = ["top_k", "{pattern}"]\n'
    assert problems(tmp_path, text) == [
        f"providers[0].quirks.drop[1]: would drop {name}, without which there is no request"
    ]


@pytest.mark.parametrize(
    "text",
    ["[limits]\nmax_body_bytes_in_flight = 1000\n", "[server]\nmax_body_bytes = 2000000000\n"],
)
def test_a_body_that_is_allowed_must_fit_among_those_in_flight(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["limits.max_body_bytes_in_flight: must be 0, or at least server.max_body_bytes"]


def test_bodies_in_flight_may_have_no_cap(tmp_path: Path) -> None:
    text = "[server]\nmax_body_bytes = 2000000000\n[limits]\nmax_body_bytes_in_flight = 0\n"
    assert load(written(tmp_path, text), {}).limits.max_body_bytes_in_flight == 0


@pytest.mark.parametrize(
    "url", ["http://host", "redis://", "redis:///0", "redis://host:0", "redis://host:port", "unix://", "host:6379"]
)
def test_what_is_no_redis_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, f'[limits]\nredis = "{url}"\n')
    assert problem.startswith("limits.redis: must be redis://HOST")


@pytest.mark.parametrize("url", ["", "redis://host", "rediss://:word@host:6380/2", "unix:///run/redis.sock?db=1"])
def test_a_redis_may_be_anywhere(tmp_path: Path, url: str) -> None:
    assert load(written(tmp_path, f'[limits]\nredis = "{url}"\n'), {}).limits.redis == url


@pytest.mark.parametrize("name", ["cost_per_day", "cost_per_month"])
def test_a_budget_of_money_needs_prices(tmp_path: Path, name: str) -> None:
    text = f"[limits]\n{name} = 5\n{PROVIDER}"
    assert problems(tmp_path, text) == [f"limits.{name}: no provider has prices"]
    prices = "[providers.prices]\n'*' = { input = 1 }\n"
    assert getattr(load(written(tmp_path, text + prices), {}).limits, name) == 5


def test_the_file_of_the_budgets_is_beside_the_configuration(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}).limits.budgets_file == str(tmp_path / "budgets.json")
    assert load(written(tmp_path, "[limits]\nbudgets_file = ''\n"), {}).limits.budgets_file == ""
    assert from_environment({}).limits.budgets_file == ""
