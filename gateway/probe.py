"""Asks a running gateway whether it is well, as container engines and scripts do, who may have no HTTP client."""

import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a gateway that listens on all addresses can be asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway listens: a host and a port, or a socket in the file system."""

    host: str = "127.0.0.1"
    port: int = 8080
    path: Path | None = None

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path is not None else f"{self.host}:{self.port}"


class NotWellError(Exception):
    """The gateway cannot be reached, or says that it is not well."""


def ask(place: Place, endpoint: str, *, seconds: float) -> str:
    """The gateway's answer, if that is 200.

    Raises:
        NotWellError: otherwise; it says where and why.
    """
    connection = _connection(place, seconds)
    try:
        connection.request("GET", endpoint)
        answer = connection.getresponse()
        body = answer.read(4096).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise NotWellError(f"{place}{endpoint}: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise NotWellError(f"{place}{endpoint}: {answer.status} {body}")
    return body


def _connection(place: Place, seconds: float) -> HTTPConnection:
    if place.path is not None:
        return _UnixConnection(place.path, seconds)
    return HTTPConnection(_ANY_ADDRESS.get(place.host, place.host), place.port, timeout=seconds)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
