from pathlib import Path

import pytest

from gateway.configuration import load
from tests.configuration.files import PROVIDER, problems, written


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
    "url", ["http://host", "redis://", "redis:///0", "redis://host:0", "redis://host:port", "unix://", "host:6379"]
)
def test_what_is_no_redis_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, f'[limits]\nredis = "{url}"\n')
    assert problem.startswith("limits.redis: must be redis://HOST")


@pytest.mark.parametrize("url", ["", "redis://host", "rediss://:word@host:6380/2", "unix:///run/redis.sock?db=1"])
def test_a_redis_may_be_anywhere(tmp_path: Path, url: str) -> None:
    assert load(written(tmp_path, f'[limits]\nredis = "{url}"\n'), {}).limits.redis == url
