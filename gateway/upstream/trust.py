"""What TLS of one upstream trusts, and how the gateway shows who it is. Verification cannot be switched off.

Reads files when a provider is made or checked; nothing here opens a connection.
"""

import ssl
from collections.abc import Iterator

from msgspec.structs import replace

from gateway.settings import ProviderSettings


def tls_context(settings: ProviderSettings) -> ssl.SSLContext | None:
    """The context for an upstream behind `https`, None for any other.

    Raises:
        OSError: when a file cannot be read, or holds what TLS cannot use (`ssl.SSLError`).
    """
    if not settings.base_url.lower().startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    if settings.client_certificate:
        # Without a password of its own OpenSSL would ask on the terminal for that of an encrypted key.
        context.load_cert_chain(settings.client_certificate, settings.client_key or None, password="")
    return context


def tls_problems(settings: ProviderSettings) -> Iterator[str]:
    """What is wrong with the files, each problem beginning with the key it is about."""
    if settings.client_key and not settings.client_certificate:
        yield "client_key: needs client_certificate"
        return
    named = [key for key in ("ca_file", "client_certificate") if getattr(settings, key)]
    if named and not settings.base_url.lower().startswith("https:"):
        yield f"{named[0]}: base_url is not https"
        return
    without = {"ca_file": "client_certificate", "client_certificate": "ca_file"}
    for key in named:
        yield from (f"{key}: {problem}" for problem in _problem(replace(settings, **{without[key]: ""})))


def _problem(settings: ProviderSettings) -> Iterator[str]:
    try:
        tls_context(settings)
    except ssl.SSLError:
        yield "holds nothing in PEM form that TLS can use, or the key does not fit"
    except OSError as error:
        yield f"cannot be read: {error.strerror or type(error).__name__}"
