from collections.abc import Mapping

import pytest

from gateway.settings import ProviderSettings
from gateway.upstream.proxies import proxy_of, proxy_problems


def provider(proxy: str, base_url: str = "https://api.example.org/v1", unix_socket: str = "") -> ProviderSettings:
    return ProviderSettings(name="up", base_url=base_url, proxy=proxy, unix_socket=unix_socket)


ENVIRONMENT = {"https_proxy": "http://a:1", "HTTP_PROXY": "b:2", "ALL_PROXY": "http://c:3"}


@pytest.mark.parametrize(
    ("setting", "base_url", "expected"),
    [
        ("", "https://h/v1", None),
        ("http://own:9", "https://h/v1", "http://own:9"),
        ("env", "https://h/v1", "http://a:1"),
        ("env", "http://h/v1", "http://b:2"),
    ],
)
def test_the_proxy_is_the_configured_one_or_that_of_the_scheme(
    setting: str, base_url: str, expected: str | None
) -> None:
    assert proxy_of(provider(setting, base_url), ENVIRONMENT) == expected


def test_all_proxy_is_the_last_resort() -> None:
    assert proxy_of(provider("env"), {"ALL_PROXY": "http://c:3"}) == "http://c:3"
    assert proxy_of(provider("env"), {}) is None


@pytest.mark.parametrize(
    ("no_proxy", "is_direct"),
    [
        ("*", True),
        ("api.example.org", True),
        ("other, .example.org", True),
        ("EXAMPLE.ORG", True),
        ("example.org:443", False),
        ("api.example.org:8000", True),
        ("ample.org", False),
        ("", False),
        (",", False),
    ],
)
def test_exempt_hosts_are_reached_directly(no_proxy: str, is_direct: bool) -> None:
    settings = provider("env", "https://api.example.org:8000/v1")
    assert (proxy_of(settings, {**ENVIRONMENT, "no_proxy": no_proxy}) is None) is is_direct


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        (provider("http://user:password@p:1"), {}, []),
        (
            provider("environment"),
            {},
            ['proxy: neither "env" nor a URL: must be http://HOST:PORT or https://HOST:PORT'],
        ),
        (provider("http://p:x"), {}, ['proxy: neither "env" nor a URL: must be http://HOST:PORT or https://HOST:PORT']),
        (
            provider("env"),
            {"ALL_PROXY": "socks5://p:1"},
            ["proxy: the environment's proxy must be http://HOST:PORT or https://HOST:PORT"],
        ),
        (provider("http://p:1", unix_socket="/s"), {}, ["proxy: a unix socket is reached without one"]),
        (provider(""), {"ALL_PROXY": "socks5://p:1"}, []),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(
    settings: ProviderSettings, environment: Mapping[str, str], expected: list[str]
) -> None:
    assert list(proxy_problems(settings, environment)) == expected
