"""Which proxy leads to an upstream. The environment counts only where the configuration says so.

aiohttp's own way (`trust_env`) would also send names and passwords out of a `.netrc`; this one only reads the four
usual variables.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from gateway.settings import ProviderSettings

FROM_ENVIRONMENT = "env"
"""The value of `proxy` that stands for the variables of the environment."""


def proxy_of(settings: ProviderSettings, environment: Mapping[str, str]) -> str | None:
    """The proxy's URL, None for a direct connection.

    Args:
        settings: the provider.
        environment: looked at for `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in either case.
    """
    if settings.proxy != FROM_ENVIRONMENT:
        return settings.proxy or None
    url = urlsplit(settings.base_url)
    if _is_exempt(url, _variable(environment, "no_proxy")):
        return None
    chosen = _variable(environment, f"{url.scheme}_proxy") or _variable(environment, "all_proxy")
    return (chosen if "://" in chosen else f"http://{chosen}") if chosen else None


def proxy_problems(settings: ProviderSettings, environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the proxy; its URL is not repeated, since it may hold a password."""
    proxy = proxy_of(settings, environment)
    if proxy is None:
        return
    source = "the environment's proxy" if settings.proxy == FROM_ENVIRONMENT else 'neither "env" nor a URL:'
    try:
        parts = urlsplit(proxy)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        yield f"proxy: {source} must be http://HOST:PORT or https://HOST:PORT"
    if settings.unix_socket:
        yield "proxy: a unix socket is reached without one"


def _is_exempt(url: SplitResult, no_proxy: str) -> bool:
    """Whether one of the names is the host or a domain above it, with its port or without; `*` is every host."""
    host = f".{url.hostname or ''}"
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(
        name == "*" or (name and f"{host}:{url.port}".endswith((f".{name}", f".{name}:{url.port}"))) for name in names
    )


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper(), "")
