"""One connection to an upstream, and the straight way of a body's bytes to whoever takes them.

aiohttp wakes the reading task for each piece that comes, which costs more than to translate it. Here the taker is
called out of the transport's own `data_received`; aiohttp's parser, its reader with its limits, and its pool stay
what they are.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler

from gateway.errors import ErrorKind, GatewayError

CUT_OFF: Final = "cut_off"
"""The word for an upstream that went away without one."""

PIECE_BYTES: Final = 16_384
"""What a taker gets at once. Its client's side looks for room between two pieces, so this times what a token's event
has more than its chunk is what a client that stops reading makes wait; one read of the socket has up to 256,000."""

READER_BYTES: Final = 32_768
"""What the reader of a body holds, twice over, before it lets its sender wait. It is only for who does not take at
once; aiohttp's own has eight times as much."""

Take = Callable[[bytes], bool]
"""Gets the next bytes of a body, or none at its end; says whether it wants more at once. It must not wait."""


class Connection(ResponseHandler):
    """One connection to an upstream: more careful than aiohttp's, and it tells a listener whenever anything happens.

    It tells the reader of a body when its framing breaks. aiohttp tells only those who wait for a head, so that the
    reader would wait until the idle limit.

    It counts as lost when anything came while nobody had asked. aiohttp would give that to the next request, which may
    be another client's.
    """

    listener: Callable[[], None] | None = None

    def is_connected(self) -> bool:
        return super().is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.listener is not None:
            self.listener()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.listener is not None:
            self.listener()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(ClientPayloadError("the framing is broken"))


async def feed(connection: Connection, content: StreamReader, take: Take) -> None:
    """Has `take` called for whatever comes, the moment it comes, until it wants no more or the body has ended.

    What comes while nobody takes waits in the reader, and beyond the reader's limit its sender waits.

    Raises:
        GatewayError: UPSTREAM_ERROR when the body breaks off; what came before has been taken.
        Exception: what `take` raises.
    """
    feeding = _Feeding(content, take)
    connection.listener = feeding.run
    try:
        feeding.run()  # for what is there already
        await feeding.done
    finally:
        connection.listener = None
        del feeding.done  # what it raised came through the feeding: together they would wait for the garbage collector


class _Feeding:
    """Calls the taker, never from within itself: to read may let the reader have more at once."""

    __slots__ = ("_content", "_has_more", "_is_running", "_take", "done")

    def __init__(self, content: StreamReader, take: Take) -> None:
        self._content = content
        self._take = take
        self._is_running = False
        self._has_more = False
        self.done = asyncio.get_running_loop().create_future()

    def run(self) -> None:
        if self._is_running or self.done.done():
            self._has_more = True
            return
        self._is_running = True
        try:
            is_over = self._give()
        except Exception as error:  # noqa: BLE001 - it is raised again where the body is waited for
            self.done.set_exception(error)
        else:
            if is_over:
                self.done.set_result(None)
        finally:
            self._is_running = False

    def _give(self) -> bool:
        """Gives all that is there; says whether that was the last for now."""
        content = self._content
        while True:
            self._has_more = False
            if (error := content.exception()) is not None:
                return self._give_rest(error)
            chunk = content.read_nowait(PIECE_BYTES)
            is_end = not chunk and content.is_eof()
            if not chunk and not is_end:
                return False
            if not self._take(chunk) or is_end:
                return True
            if len(chunk) < PIECE_BYTES and not self._has_more and not content.is_eof():
                return False

    def _give_rest(self, error: BaseException) -> bool:
        """Gives what came in the same read as the break: aiohttp withholds it, and it may be the end of the stream."""
        if (rest := unread(self._content)) and not self._take(rest):
            return True
        raise cut_off() from error


def unread(content: StreamReader) -> bytes:
    """What has come of a body, even when it has broken off since."""
    return content._read_nowait(-1)  # noqa: SLF001 - there is no public way past the exception


def cut_off() -> GatewayError:
    """The error of a body that has no end."""
    message = "The upstream closed the connection before the end of its answer."
    return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=CUT_OFF)
