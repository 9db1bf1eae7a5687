"""The HTTP server around the application: what aiohttp does by default and a gateway must not do."""

import asyncio
import select
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp.web import (
    Application,
    AppRunner,
    BaseSite,
    RequestHandler,
    Server,
    SockSite,
    TCPSite,
)
from prometheus_client import Counter

from gateway.corked_transport import Cork
from gateway.settings import ServerSettings
from gateway.web.client_connection import ClientConnection, Malformed, unpacking
from gateway.web.dispatch import dispatching
from gateway.web.services import SERVICES

_BACKLOG = 4096
"""Connections that may wait while the loop is busy; of a socket that is full, nginx takes the instance for gone."""

_MOST_UNSENT = 65_536
"""What the kernel takes for a client before it can be sent. By itself it takes megabytes from a fast upstream for a
client that does not read, and the text of all that was taken is kept until the end of the answer."""

_MOST_TAKING_SECONDS = 1.0
"""New ones may come as fast as they are taken."""

_SHUTDOWN_SECONDS = 2.0
"""Counted twice by aiohttp: once for handlers to end, once for them to be cancelled."""

_HURRIED_SECONDS = 0.5
"""The same for someone who does not want to wait."""

_SETTLING_SECONDS = 0.01
"""Until what was accepted last belongs to the server: asyncio needs some steps of the loop for it, uvloop none."""


class GatewayRunner(AppRunner):
    """Runs the application with cancellation of handlers, raw bodies, and errors of its own.

    aiohttp answers and logs a request that it cannot parse with the offending line itself, which may be the one that
    holds a key; this happens before any middleware.
    """

    def __init__(self, app: Application, *, keep_alive_seconds: float = ServerSettings().keep_alive_seconds) -> None:
        options: dict[str, Any] = {
            "handler_cancellation": True,
            "auto_decompress": False,
            "access_log": None,
            "keepalive_timeout": keep_alive_seconds,
        }
        super().__init__(app, shutdown_timeout=_SHUTDOWN_SECONDS, **options)
        self._options = options

    def hurry(self) -> None:
        """Lets `cleanup` wait only as long as it takes to write last words."""
        self._shutdown_timeout = _HURRIED_SECONDS

    async def listen(self, settings: ServerSettings) -> tuple[str, int]:
        """Opens the listening socket and returns its address.

        Raises:
            OSError: when the address cannot be had.
        """
        await TCPSite(
            self, settings.host, settings.port, backlog=_BACKLOG, reuse_port=settings.reuse_port or None
        ).start()
        self._bound_unsent()
        host, port = self.addresses[0][:2]
        return host, port

    async def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """Takes connections from sockets that listen already, and leaves it to whoever made them to remove them."""
        for each in sockets:
            await SockSite(self, each, backlog=_BACKLOG).start()
        self._bound_unsent()

    def _bound_unsent(self) -> None:
        """Connections have it from their listener. On a socket in the file system the kernel holds little anyway."""
        for listener in _listeners(self.sites):
            if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)

    @property
    def connections(self) -> int:
        """How many connections of clients are open, with a request or without."""
        return len(self.server.connections) if self.server is not None else 0

    async def stop_listening(self) -> None:
        """Takes the connections that wait, and then no more; those that are open go on.

        The kernel resets what waits in a socket that is closed, and the request with it.
        """
        until = time.monotonic() + _MOST_TAKING_SECONDS
        while True:
            await asyncio.sleep(_SETTLING_SECONDS)
            # Nothing may come between this look and the end of listening.
            if not _has_waiting(self.sites) or time.monotonic() > until:
                break
        for site in list(self.sites):
            await site.stop()

    async def _make_server(self) -> Server:
        server = await super()._make_server()
        services = self.app.get(SERVICES)
        malformed = services.metrics.instruments.malformed if services is not None else None
        return _GatewayServer(
            dispatching(self.app, server.request_handler),
            malformed=malformed,
            request_factory=unpacking(server.request_factory),
            **self._options,
        )


def _has_waiting(sites: Iterable[BaseSite]) -> bool:
    """Whether a connection has been made that nobody has accepted."""
    poll = select.poll()
    for listener in _listeners(sites):
        poll.register(listener.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _listeners(sites: Iterable[BaseSite]) -> Iterator[socket.socket]:
    for site in sites:
        # aiohttp keeps it to itself, and asyncio gives the sockets no place in its abstract class.
        yield from getattr(site._server, "sockets", ())  # noqa: SLF001


class _GatewayServer(Server):
    def __init__(self, *arguments: Any, malformed: Counter | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._malformed = Malformed(malformed)
        self._cork = Cork(self._loop)

    def __call__(self) -> RequestHandler:
        return ClientConnection(self, self._malformed, self._cork, loop=self._loop, **self._kwargs)
