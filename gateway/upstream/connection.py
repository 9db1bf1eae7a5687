"""One connection to an upstream: what comes goes straight to the one who has asked.

aiohttp's client makes a request, a response, a parser and a reader for each question, and wakes a task for each piece
that comes, which costs more than to translate it. Here the receiver is called out of the transport's own
`data_received`; how connections are opened (names, TLS, proxies) and pooled stays aiohttp's.
"""

import asyncio
from typing import Any, Protocol, cast

from aiohttp.client_proto import ResponseHandler

from gateway.corked_transport import Cork, CorkedTransport
from gateway.upstream.short_queue import ShortQueue


class Receiver(Protocol):
    """Who has asked on a connection, and gets all that comes on it."""

    def received(self, data: bytes) -> None:
        """The next bytes."""

    def lost(self, error: BaseException | None) -> None:
        """There is no connection any more; without an error the upstream has closed it."""


class Connection(ResponseHandler):
    """One connection, more careful than aiohttp's.

    Without a receiver it is aiohttp's own: a proxy is asked for a tunnel in its way. What comes then without a question
    would be given to the next request, which may be another client's: the connection counts as lost instead.
    """

    __slots__ = ("_cork", "receiver")

    def __init__(self, loop: asyncio.AbstractEventLoop, cork: Cork) -> None:
        super().__init__(loop)
        self._cork = cork
        self._buffer = cast("Any", ShortQueue())
        self.receiver: Receiver | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(CorkedTransport(cast(asyncio.Transport, transport), self._cork))

    def is_connected(self) -> bool:
        return super().is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        if (receiver := self.receiver) is not None:
            receiver.received(data)
        else:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.receiver is not None:
            self.receiver.lost(exc)
