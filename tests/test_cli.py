import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway import __version__, cli
from gateway.access.keys import read_records

GOOD = '[[providers]]\nname = "local"\nbase_url = "http://127.0.0.1:8000/v1"\n'


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


def exit_code(*arguments: str | Path) -> object:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    return caught.value.code


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD)
    return path


# Every command


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"responses-gateway, version {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("-h") == 0
    told = capsys.readouterr().out
    assert all(command in told for command in ("serve", "check", "health", "keys", "codex", "demo-upstream"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["serve", "--bogus"],
        ["serve", "--port", "70000"],
        ["serve"],
        ["check"],
        ["keys"],
        ["keys", "add"],
        ["keys", "add", "a"],
        ["keys", "list"],
        ["codex"],
    ],
)
def test_a_wrong_call_exits_with_64_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*arguments) == 64
    captured = capsys.readouterr()
    assert captured.err
    assert not captured.out


def test_serve_without_anything_to_serve_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("serve") == 64
    told = capsys.readouterr().err
    assert all(word in told for word in ("--config", "GATEWAY_CONFIG", "--demo"))


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "gateway", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"responses-gateway, version {__version__}\n"


# check


def test_check_counts_what_it_found(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("check", "--config", config) == 0
    assert (
        capsys.readouterr().out
        == 'ok: 1 provider, 0 aliases, 0 keys; listens on 127.0.0.1:8080\nlocal: dialect "generic"\n'
    )


def test_check_shows_what_a_dialect_sets(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD + 'dialect = "zai"\n[providers.quirks]\nimages = "none"\n')
    assert exit_code("check", "--config", config) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1] == 'local: dialect "zai"'
    assert {'  images = "none"', "  stream_usage = false", '  tool_choice = ["auto"]', "  extra_body"} <= set(told)


def test_check_finds_the_file_in_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(config))
    monkeypatch.setenv("GATEWAY_API_KEYS", "a,b")
    assert exit_code("check") == 0
    assert "2 keys" in capsys.readouterr().out


def test_check_tells_all_problems_and_exits_with_78(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("bogus = 1\n[server]\nport = true\n")
    assert exit_code("check", "--config", config) == 78
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        f"{config}: bogus: unknown key",
        f"{config}: server.port: expected `int`, got `bool`",
    ]
    assert captured.out == ""


def test_check_tells_what_is_not_installed(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    config.write_text('[limits]\nredis = "redis://127.0.0.1"\n' + GOOD)
    assert exit_code("check", "--config", config) == 78
    assert capsys.readouterr().err.startswith(f"{config}: limits.redis: needs what is not installed: pip install")


def test_check_finds_a_budget_of_a_key_that_nobody_counts(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("keys", "add", "ann", "--config", config, "--limit", "cost_per_day=5") == 0
    assert exit_code("check", "--config", config) == 78
    assert "key 'ann': cost_per_day: no provider has prices" in capsys.readouterr().err


def test_check_reads_the_keys_file_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "keys.toml").write_text("keys = 1")
    assert exit_code("check", "--config", config) == 78
    assert "is not a keys file" in capsys.readouterr().err


# keys


@pytest.mark.parametrize("by", ["--config", "--keys-file"])
def test_a_key_is_added_listed_and_revoked(config: Path, by: str, capsys: pytest.CaptureFixture[str]) -> None:
    keys_file = config.parent / "keys.toml"
    option = [by, str(config if by == "--config" else keys_file)]
    assert exit_code("keys", "add", "ann", *option) == 0
    key = capsys.readouterr().out
    assert re.fullmatch(r"rgw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\n", key)

    assert exit_code("keys", "list", *option) == 0
    (record,) = read_records(keys_file)
    assert capsys.readouterr().out == f"{record.id}  {record.created}  ann\n"

    assert exit_code("keys", "revoke", "ann", *option) == 0
    assert capsys.readouterr().out == f"revoked {record.id} (ann)\n"
    assert read_records(keys_file) == ()


def test_the_keys_file_goes_before_the_configuration(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    assert exit_code("keys", "add", "a", "--config", config, "--keys-file", other) == 0
    assert len(read_records(other)) == 1


def test_a_name_that_is_taken_or_unknown_is_a_wrong_call(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code("keys", "add", "a", "--config", config)
    assert exit_code("keys", "add", "a", "--config", config) == 64
    assert "already" in capsys.readouterr().err
    assert exit_code("keys", "revoke", "b", "--config", config) == 64
    assert "there is no key 'b'" in capsys.readouterr().err


def test_a_configuration_without_a_keys_file_has_no_place_for_keys(config: Path) -> None:
    config.write_text('[auth]\nkeys_file = ""')
    assert exit_code("keys", "list", "--config", config) == 64


def test_a_missing_folder_is_a_wrong_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("keys", "add", "a", "--keys-file", tmp_path / "none" / "keys.toml") == 78
    assert "its folder does not exist" in capsys.readouterr().err


def test_a_broken_keys_file_is_a_wrong_configuration(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text("keys = 1")
    assert exit_code("keys", "add", "a", "--keys-file", path) == 78
    assert path.read_text() == "keys = 1"


def test_a_key_with_a_default_model_is_listed_with_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("keys", "add", "ann", "--config", config, "--default-model", "local/m") == 0
    capsys.readouterr()
    assert exit_code("keys", "list", "--config", config) == 0
    assert capsys.readouterr().out.endswith("  ann  (default model local/m)\n")


def test_a_key_gets_limits_of_its_own_and_is_listed_with_them(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--limit", "requests_per_minute=60", "--limit", "max_concurrency=0")
    assert exit_code("keys", "add", "ann", "--config", config, *limits) == 0
    assert exit_code("keys", "list", "--config", config) == 0
    assert "ann  (requests_per_minute 60)  (max_concurrency 0)\n" in capsys.readouterr().out
    (record,) = read_records(config.parent / "keys.toml")
    assert (record.requests_per_minute, record.tokens_per_minute, record.max_concurrency) == (60, None, 0)


@pytest.mark.parametrize("limit", ["bogus=1", "max_concurrency", "max_concurrency=-1", "max_concurrency=many"])
def test_what_is_no_limit_is_refused(config: Path, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("keys", "add", "ann", "--config", config, "--limit", limit) == cli.EXIT_USAGE
    assert "--limit" in capsys.readouterr().err
    assert read_records(config.parent / "keys.toml") == ()


def test_a_key_that_is_held_to_some_models_is_listed_with_them(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("keys", "add", "ann", "--config", config, "--models", "coder, local/*") == 0
    capsys.readouterr()
    assert exit_code("keys", "list", "--config", config) == 0
    assert capsys.readouterr().out.endswith("  ann  (only coder, local/*)\n")


# codex


def test_codex_gets_settings_and_a_catalog(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD + 'context_windows = { "*" = 9000 }')
    catalog = tmp_path / "catalog.json"
    arguments: list[str | Path] = ["codex", "local/m", "--config", config, "--env-key", "K", "--catalog", catalog]
    assert exit_code(*arguments) == 0
    told = tomllib.loads(capsys.readouterr().out)
    assert (told["model"], told["model_context_window"]) == ("local/m", 9000)
    assert told["model_providers"]["gateway"]["env_key"] == "K"
    assert json.loads(catalog.read_text())["models"][0]["slug"] == "local/m"


def test_codex_with_a_model_that_the_gateway_lacks_is_a_wrong_call(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("codex", "other/m", "--config", config) == 64
    assert "no model 'other/m'. It has local/…" in capsys.readouterr().err


def test_a_catalog_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("codex", "local/m", "--catalog", tmp_path / "none" / "c.json") == 78
    captured = capsys.readouterr()
    assert "cannot be written" in captured.err
    assert captured.out == ""


# serve and demo-upstream


def test_serve_refuses_a_budget_that_nobody_counts(config: Path) -> None:
    assert exit_code("keys", "add", "ann", "--config", config, "--limit", "cost_per_day=5") == 0
    arguments = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--port", "0"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "key 'ann': cost_per_day: no provider has prices" in done.stderr


def test_serve_refuses_a_wrong_file_before_anything_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("serve", "--config", tmp_path / "none.toml") == 78
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve", "--demo"], ["demo-upstream"]])
def test_a_port_in_use_exits_with_69(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = [sys.executable, "-m", "gateway", *command, "--host", "127.0.0.1", "--port", str(port)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 69
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


def test_serve_on_a_public_address_without_keys_is_a_wrong_configuration() -> None:
    arguments = [sys.executable, "-m", "gateway", "serve", "--config", os.devnull, "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
