import tomllib
from pathlib import Path

import pytest

from gateway import configuration
from gateway.doctor.advice import Advice
from gateway.doctor.block import provider_block

TABLE = {"name": "up", "base_url": "https://h/v1"}


def read(block: str) -> dict[str, object]:
    (provider,) = tomllib.loads(block)["providers"]
    return dict(provider)


def test_without_findings_there_are_no_quirks() -> None:
    assert provider_block(TABLE, [], []) == '[[providers]]\nname = "up"\nbase_url = "https://h/v1"\n'


def test_every_quirk_has_its_reason_above_it() -> None:
    block = provider_block(TABLE, [Advice("images", "none", "refused (no)")], ["A remark."])
    assert "# A remark.\n" in block
    assert '\n[providers.quirks]\n# refused (no)\nimages = "none"\n' in block


def test_what_was_configured_stays_and_what_was_found_goes_before_it() -> None:
    table = {**TABLE, "models": ["a", "b*"], "quirks": {"images": "url", "extra_body": {"top_k": 20, "a b": [1, {}]}}}
    block = read(provider_block(table, [Advice("images", "none", "no")], []))
    assert block["models"] == ["a", "b*"]
    assert block["quirks"] == {"images": "none", "extra_body": {"top_k": 20, "a b": [1, {}]}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "sk-secret"),
        ("api_key", "Bearer ${KEY}-secret"),
        ("headers", {"x-key": "secret"}),
        ("proxy", "http://user:secret@p:1"),
    ],
)
def test_a_secret_is_not_repeated(key: str, value: object) -> None:
    block = provider_block({**TABLE, key: value}, [], [])
    assert "secret," not in block.replace("it may be secret,", "")
    assert f"# {key}: as in the file" in block
    assert key not in read(block)


@pytest.mark.parametrize(
    ("key", "value"),
    [("api_key", "${KEY}"), ("api_key", ""), ("headers", {"x-key": "${KEY:-}"}), ("headers", {}), ("proxy", "env")],
)
def test_a_reference_is_kept_as_it_is_written(key: str, value: object) -> None:
    assert read(provider_block({**TABLE, key: value}, [], []))[key] == value


def test_a_reason_cannot_leave_its_comment() -> None:
    block = provider_block(TABLE, [Advice("images", "none", "no\n[evil]\x1b[2J" + "x" * 500)], ["a\r\nb = 1"])
    assert read(block) == {**TABLE, "quirks": {"images": "none"}}
    assert max(map(len, block.splitlines())) <= 120
    assert "\x1b" not in block


def test_the_block_is_a_configuration(tmp_path: Path) -> None:
    found = [
        Advice("response_format", [], "no"),
        Advice("tool_choice", ["auto", "none"], "no"),
        Advice("stream_usage", False, "no"),
        Advice("drop", ["temperature"], "no"),
        Advice("tool_call_id", "alnum9", "no"),
    ]
    path = tmp_path / "gateway.toml"
    path.write_text(provider_block({**TABLE, "api_key": "${KEY}"}, found, []))
    (provider,) = configuration.load(path, {"KEY": "k"}).providers
    assert provider.quirks.response_format == ()
    assert provider.quirks.tool_choice == ("auto", "none")
    assert not provider.quirks.stream_usage
