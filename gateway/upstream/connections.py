"""The connections to one upstream: how they are opened and kept, and what it means when there is none.

Knows sockets, TLS and proxies, and nothing of what is sent over them.
"""

import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import (
    BaseConnector,
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientResponseError,
    TCPConnector,
    UnixConnector,
)
from aiohttp.client_proto import ResponseHandler

from gateway.corked_transport import Cork
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.connection import Connection
from gateway.upstream.trust import tls_context

CUT_OFF: Final = "cut_off"
"""The word for an upstream that went away without one."""

_REASONS = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_unknown_ca",
    19: "certificate_unknown_ca",
    20: "certificate_unknown_ca",
    21: "certificate_unknown_ca",
    23: "certificate_revoked",
    62: "certificate_wrong_name",
    64: "certificate_wrong_name",
}
"""OpenSSL's codes of verification (`X509_V_ERR_*`)."""

_SENTENCES = {
    "certificate_not_yet_valid": "The upstream's certificate is not valid yet.",
    "certificate_expired": "The upstream's certificate has expired.",
    "certificate_unknown_ca": "The upstream's certificate is from an authority that is not trusted.",
    "certificate_revoked": "The upstream's certificate has been revoked.",
    "certificate_wrong_name": "The upstream's certificate is for another name.",
    "certificate_invalid": "The upstream's certificate is not valid.",
}


def open_pool(settings: ProviderSettings) -> BaseConnector:
    """The pool for one upstream; it belongs to the running loop.

    Raises:
        OSError: when a file of the provider's TLS cannot be used.
    """
    pool = _unix_pool(settings) if settings.unix_socket else _tcp_pool(settings)
    connection: Callable[..., ResponseHandler] = Connection
    pool._factory = partial(connection, loop=pool._loop, cork=Cork(pool._loop))  # noqa: SLF001 - there is no public way
    return pool


def _tcp_pool(settings: ProviderSettings) -> BaseConnector:
    return TCPConnector(
        limit=0,
        ssl=tls_context(settings) or True,
        use_dns_cache=settings.dns_cache_seconds > 0,
        ttl_dns_cache=settings.dns_cache_seconds or None,
        force_close=not settings.keep_alive_seconds,
        keepalive_timeout=settings.keep_alive_seconds or None,
    )


def _unix_pool(settings: ProviderSettings) -> BaseConnector:
    return UnixConnector(
        settings.unix_socket,
        limit=0,
        force_close=not settings.keep_alive_seconds,
        keepalive_timeout=settings.keep_alive_seconds or None,
    )


def without_connection(error: Exception) -> GatewayError:
    """Why there is no connection; only its class is told, since texts have addresses in them."""
    match error:
        case TimeoutError():
            code = "upstream_connect_timeout"
            return GatewayError(ErrorKind.TIMEOUT, "The upstream did not accept the connection in time.", code=code)
        case ClientConnectorCertificateError():
            return _bad_certificate(error.certificate_error)
        case ClientConnectorSSLError():
            return _no_tls()
        case ClientProxyConnectionError():
            return _unreachable("The proxy to the upstream cannot be reached.", "proxy_unreachable")
        case ClientConnectorError():
            return _unreachable("The upstream cannot be reached.", type(error).__name__)
        case ClientHttpProxyError():
            return _unreachable("The proxy refused to connect to the upstream.", f"proxy_status_{error.status}")
        case ClientResponseError():  # nobody else has been asked anything yet
            return _unreachable("The proxy's answer is not valid HTTP.", "proxy_protocol")
        case _:
            return lost_without_head(error.__cause__ or error)


def lost_without_head(error: BaseException | None) -> GatewayError:
    """Why a connection that was there has brought no answer; without an error the upstream closed it."""
    if isinstance(error, ssl.SSLError):  # the gateway's certificate is refused when the request has been sent
        return _no_tls()
    message = "The upstream closed the connection without an answer."
    return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=CUT_OFF)


def cut_off() -> GatewayError:
    """The error of a body that has no end."""
    message = "The upstream closed the connection before the end of its answer."
    return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=CUT_OFF)


def _unreachable(message: str, reason: str) -> GatewayError:
    return GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, message, upstream_code=reason)


def _bad_certificate(error: Exception) -> GatewayError:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    reason = _REASONS.get(code, "certificate_invalid")
    return GatewayError(ErrorKind.UPSTREAM_TLS, _SENTENCES[reason], upstream_code=reason)


def _no_tls() -> GatewayError:
    """The other side speaks no TLS, another one, or refuses the gateway's certificate."""
    message = "No TLS connection to the upstream could be made."
    return GatewayError(ErrorKind.UPSTREAM_TLS, message, upstream_code="tls_refused")
