"""One question to an upstream and the answer to it: the head is waited for, the body is taken as it comes."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp.connector import Connection as PooledConnection
from aiohttp.hdrs import CONTENT_TYPE
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from gateway.codec.http_body import Body
from gateway.errors import ErrorKind, GatewayError
from gateway.upstream.connection import Connection
from gateway.upstream.connections import cut_off, lost_without_head
from gateway.upstream.response_head import body_after, parsed

Take = Callable[[bytes], bool]
"""Gets the next bytes of a body, or none at its end; says whether it wants more at once. It must not wait."""

PIECE_BYTES: Final = 16_384
"""What a taker gets at once. Its client's side looks for room between two pieces, so this times what a token's event
has more than its chunk is what a client that stops reading makes wait; one read of the socket has up to 256,000."""

_MOST_WAITING = 32_768
"""Bytes that nobody takes, beyond which their sender waits."""
_LARGE_BYTES = 262_144
"""A larger request is sent piece by piece, with other work between the pieces."""
_LONGEST_HEAD = 65_536
_PROTOCOL = b"HTTP/"
"""How every head begins. Who greets with anything else, as a mail server does, would be waited for in vain."""
_HEAD_END = re.compile(rb"\n\r?\n")


class UpstreamAnswer:
    """The answer to one request. Close it in every case.

    Args:
        pooled: the connection, which nobody else has until the answer is closed.
    """

    __slots__ = (
        "_body",
        "_done",
        "_failure",
        "_has_failed",
        "_head",
        "_is_paused",
        "_pooled",
        "_protocol",
        "_sending",
        "_take",
        "_waiting",
        "content_type",
        "headers",
        "status",
    )

    def __init__(self, pooled: PooledConnection) -> None:
        protocol = pooled.protocol
        if not isinstance(protocol, Connection):
            raise TypeError("not a connection of this pool")
        self._pooled = pooled
        self._protocol = protocol
        self._head = self._waiting = b""
        self._body: Body | None = None
        self._take: Take | None = None
        self._done: asyncio.Future[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._has_failed = self._is_paused = False
        self._failure: BaseException | None = None
        self.status = 0
        self.content_type = ""
        self.headers: Mapping[str, str] = {}
        protocol.receiver = self

    async def ask(self, request: bytes, body: bytes) -> None:
        """Sends the head of a request and its body, and waits for the status and the headers.

        Raises:
            GatewayError: when they cannot be had.
        """
        transport = self._protocol.transport
        if transport is None:
            raise lost_without_head(None)
        if len(body) > _LARGE_BYTES:
            transport.write(request)
            self._sending = asyncio.create_task(self._send(memoryview(body)), name="send a large request")
        else:
            transport.write(request + body)
        while self._body is None:
            if self._has_failed:
                raise self._without_head()
            await self._next()

    async def _send(self, body: memoryview) -> None:
        protocol = self._protocol
        try:
            for start in range(0, len(body), _LARGE_BYTES):
                if protocol.transport is None:
                    return
                protocol.transport.write(body[start : start + _LARGE_BYTES])
                await asyncio.sleep(0)
                await protocol._drain_helper()  # noqa: SLF001 - there is no public way to wait for room
        except ConnectionError:  # who waits for the answer is told
            return

    def _without_head(self) -> GatewayError:
        if isinstance(self._failure, HttpProcessingError):
            return GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream's answer is not valid HTTP.")
        return lost_without_head(self._failure)

    def received(self, data: bytes) -> None:
        """The next bytes of the connection have come."""
        if (body := self._body) is None:
            data = self._take_head(data)
            if (body := self._body) is None:
                return
        piece = body.feed(data)
        take = self._take
        if take is None or not 0 < len(piece) <= PIECE_BYTES or body.is_over or body.is_broken:
            self._came_to(piece, body)
            return
        try:  # who takes has all that came before, and can have this at once, as nearly always
            if not take(piece):
                self._take = None
                self._wake()
        except Exception as error:  # noqa: BLE001 - it is raised again where the body is waited for
            self._refuse(error)

    def _came_to(self, piece: bytes, body: Body) -> None:
        """The body has come so far, perhaps to its end or to a break."""
        if body.is_broken and not body.is_over:
            self._has_failed = True
        if piece or body.is_over or self._has_failed:
            self._came(piece)

    def lost(self, error: BaseException | None) -> None:
        """The connection has ended, by itself if there is no error."""
        body = self._body
        if body is not None and error is None:
            body.end()
        if body is None or not body.is_over:
            self._fail(error)
        else:
            self._came(b"")

    def _fail(self, error: BaseException | None) -> None:
        self._has_failed, self._failure = True, self._failure or error
        self._came(b"")

    def _take_head(self, data: bytes) -> bytes:
        """Takes the head, if all of it is there, and returns what follows it."""
        self._head += data
        while (end := _HEAD_END.search(self._head)) is not None:
            head, self._head = self._head[: end.end()], self._head[end.end() :]
            try:
                self._read_head(parsed(self._protocol, head))
            except HttpProcessingError as error:
                self._fail(error.with_traceback(None))
                return b""
            if self._body is not None:
                rest, self._head = self._head, b""
                self._wake()
                return rest
        if not self._head.startswith(_PROTOCOL[: len(self._head)]) or len(self._head) > _LONGEST_HEAD:
            self._fail(HttpProcessingError(message="No head of HTTP"))
        return b""

    def _read_head(self, head: RawResponseMessage) -> None:
        """Takes what the head says; an answer before the answer (1xx) says nothing."""
        if 100 <= head.code < 200:
            return
        self._body = body_after(head)
        if head.should_close:
            self._protocol.force_close()
        self.status, self.headers = head.code, head.headers
        self.content_type = head.headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower()

    def _came(self, piece: bytes) -> None:
        """Something has happened, and perhaps a piece of the body is there: it is given to who takes, or waits."""
        self._waiting = self._waiting + piece if self._waiting else piece
        if self._take is None:
            self._wake()
        else:
            try:
                if not self._give(self._take):
                    self._wake()
            except Exception as error:  # noqa: BLE001 - it is raised again where the body is waited for
                self._refuse(error)
        if len(self._waiting) > _MOST_WAITING:
            self._hold_back()

    def _refuse(self, error: Exception) -> None:
        """Whoever waits for the body is told why it cannot be taken."""
        done, self._done = self._done, None
        if done is not None and not done.done():
            done.set_exception(error)
        self._take = None

    def _give(self, take: Take) -> bool:
        """Gives all that waits, and tells of the end; says whether more is to be given when it comes."""
        while self._waiting:
            if not take(self._next_piece()):
                self._take = None
                return False
        if self.is_whole:
            self._take = None
            take(b"")
            return False
        if self._has_failed:
            raise cut_off()
        return True

    def _next_piece(self) -> bytes:
        waiting = self._waiting
        self._waiting = waiting[PIECE_BYTES:]
        return waiting[:PIECE_BYTES]

    def _wake(self) -> None:
        done, self._done = self._done, None
        if done is not None and not done.done():
            done.set_result(None)

    def _next(self) -> "asyncio.Future[None]":
        """Is done when something has happened."""
        self._resume()
        self._done = done = asyncio.get_running_loop().create_future()
        return done

    def _hold_back(self) -> None:
        """Lets the sender wait."""
        if not self._is_paused and self._protocol.transport is not None:
            self._is_paused = True
            self._protocol.transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and self._protocol.transport is not None:
            self._protocol.transport.resume_reading()
        self._is_paused = False

    @property
    def is_whole(self) -> bool:
        """Whether the body has come and been read to its end."""
        return self._body is not None and self._body.is_over and not self._waiting

    async def read(self) -> bytes:
        """The next bytes of the body, at most `PIECE_BYTES`; empty at its end.

        Raises:
            GatewayError: UPSTREAM_ERROR when the connection breaks before the body ends.
        """
        while not self._waiting:
            if self.is_whole:
                return b""
            if self._has_failed:
                raise cut_off()
            await self._next()
        return self._next_piece()

    async def feed(self, take: Take) -> None:
        """Has `take` called with the next bytes the moment they come, until it wants no more or has got the end.

        Raises:
            GatewayError: UPSTREAM_ERROR when the connection breaks before the body ends; what came before was taken.
            Exception: what `take` raises.
        """
        if not self._give(take):
            return
        self._take = take
        try:
            await self._next()
        finally:
            self._take = None

    def close(self) -> None:
        """Gives the connection back to the pool if the body has come to its end, and closes it otherwise."""
        protocol, body = self._protocol, self._body
        if protocol.receiver is not self:
            return
        protocol.receiver = None
        is_sent = self._sending is None or self._sending.done()
        if is_sent and body is not None and body.is_over and not body.is_broken:
            self._resume()
            self._pooled.release()
            return
        if self._sending is not None:
            self._sending.cancel()
        protocol.abort()  # a request that is not sent yet must not be sent any more
        self._pooled.close()
