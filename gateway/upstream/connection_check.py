"""The checks of a provider's connection that need its files and the environment; paths are made absolute here too.

Knows no socket: what is only found by connecting is `responses-gateway doctor`'s.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from gateway.settings import ProviderSettings
from gateway.upstream.proxies import proxy_problems
from gateway.upstream.trust import tls_problems

_PATHS = ("ca_file", "client_certificate", "client_key", "unix_socket")


def located(settings: ProviderSettings, folder: Path) -> ProviderSettings:
    """The provider with its paths absolute; relative ones start in the folder of the configuration file."""
    paths = {name: value for name in _PATHS if (value := getattr(settings, name))}
    if not paths:
        return settings
    return replace(settings, **{name: str((folder / value).absolute()) for name, value in paths.items()})


def connection_problems(settings: ProviderSettings, environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong, each problem beginning with the key it is about."""
    yield from tls_problems(settings)
    yield from proxy_problems(settings, environment)
    if settings.unix_socket and settings.base_url.lower().startswith("https:"):
        yield "unix_socket: needs a base_url with http, as there is no TLS inside a socket of this machine"
