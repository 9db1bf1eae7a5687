"""The streaming response: aiohttp-sse's headers around ready-made frames, and a heartbeat.

Frames go through `put` or `write`, never through `send`, which would take each apart and encode it again (20 us against
5). Every write is a whole number of frames, so that a heartbeat between two writes cannot cut one.
"""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import ClientConnectionResetError
from aiohttp.abc import AbstractStreamWriter
from aiohttp.hdrs import CONNECTION
from aiohttp.http import HttpVersion11
from aiohttp.web import BaseRequest, Request, StreamResponse
from aiohttp_sse import EventSourceResponse

from gateway.codec.http_head import header_lines
from gateway.exchange.alarms import alarms_of
from gateway.settings import ServerSettings
from gateway.web.answer_head import begin, client_of
from gateway.web.client_connection import let_go
from gateway.web.stall import StallWatch

_COMMENT = b": keep-alive\n\n"
_NEVER = 86_400.0
_SHORT_SECONDS = 0.05
"""A stream that is not over by then keeps little of its request. What is freed later leaves gaps that nothing fills."""
_ROOM_BYTES = 32_768
"""What a connection takes without making anybody wait, in any case."""

# Whether the connection is kept is for the server to say.
_LINES = header_lines({name: value for name, value in EventSourceResponse().headers.items() if name != CONNECTION})
_CHUNKED_LINES = _LINES + b"Transfer-Encoding: chunked\r\n"


class EventStream(EventSourceResponse):
    """The client's side of a streamed exchange.

    Args:
        request: the request to answer.
        settings: heartbeat and write stall.
        keep_alive: makes the event for a silent moment; empty when none may be sent. Without it the frame is a comment.
    """

    __slots__ = (  # beside the many attributes of aiohttp's classes, which are in a dictionary
        "_alarms",
        "_heartbeat",
        "_interval",
        "_is_chunked",
        "_last_write",
        "_loop",
        "_moment",
        "_protocol",
        "_request",
        "_watch",
        "_writer",
    )

    __hash__ = object.__hash__  # as aiohttp's, without a call of Python for each set that a stream is in

    def __init__(
        self, request: Request, settings: ServerSettings, keep_alive: Callable[[], bytes] | None = None
    ) -> None:
        self._interval = settings.heartbeat_seconds if settings.heartbeat != "off" else _NEVER
        # No send time-out: the kernel's would drop a stalled client at the same moment, and hide why it is gone.
        super().__init__(allow_all_methods=True, send_timeout=None, ping_interval=self._interval)
        self._request, self._protocol, self._writer = request, request.protocol, request.writer
        self._loop = asyncio.get_running_loop()
        self._heartbeat = keep_alive if keep_alive and settings.heartbeat == "event" else lambda: _COMMENT
        self._is_chunked = request.version >= HttpVersion11
        self._watch = StallWatch(request, settings.write_stall_seconds)
        self._last_write = self._loop.time()
        self._alarms = alarms_of(self._loop)
        self._moment = self._alarms.set(self, _SHORT_SECONDS)

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Makes the head, without the base class's task for pings: a timer does for them."""
        return await StreamResponse.prepare(self, request)

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the status line, these headers and the first frames.

        Raises:
            ConnectionError: when the client is gone.
        """
        client_of(self._request)
        fixed = _CHUNKED_LINES if self._is_chunked else _LINES
        head, self._keep_alive = begin(self._request, fixed, headers, has_end=self._is_chunked)
        self._payload_writer = self._request.writer  # for aiohttp it is prepared now
        self.headers.clear()  # they are on their way, and as large as all else that an open stream needs of aiohttp
        self._send(head + self._framed(frames))
        self._last_write = self._loop.time()  # the silence begins now, not when the request came

    def _framed(self, frames: bytes) -> bytes:
        """As they go over the connection; an empty chunk would be the end."""
        return b"%x\r\n%b\r\n" % (len(frames), frames) if self._is_chunked and frames else frames

    def _send(self, data: bytes) -> bool:
        """Sends this, and says whether the client has room for more."""
        protocol = self._protocol
        if (transport := protocol.transport) is None or transport.is_closing():
            raise ClientConnectionResetError("the client is gone")
        self._writer.output_size += len(data)
        transport.write(data)
        return not protocol.writing_paused

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends whole frames; waits while the client reads more slowly than they come.

        Raises:
            ConnectionError: when the client is gone or was dropped for stalling.
        """
        self.put(bytes(data), self._loop.time())
        await self.room()

    async def room(self) -> None:
        """Waits until the client has room.

        Shielded: all who wait share one future of aiohttp's, which a time limit must not cancel for the next.
        """
        protocol = self._request.protocol
        if protocol.writing_paused:
            await asyncio.shield(protocol._drain_helper())  # noqa: SLF001 - the public way is not shielded

    def put(self, frames: bytes, now: float, /) -> bool:
        """Sends whole frames in any case, and says whether the client has room for more; `now` is the loop's time.

        Frames that were kept until it has could be lost: a time limit can end the exchange in between.

        Raises:
            ConnectionError: when the client is gone or was dropped for stalling.
        """
        self._last_write = now
        # As `_framed` does, without its call: each token comes this way.
        return self._send(b"%x\r\n%b\r\n" % (len(frames), frames) if self._is_chunked and frames else frames)

    async def finish(self, frames: bytes = b"") -> None:
        """Sends the last frames, and ends the body and the heartbeat."""
        self.end_heartbeat()
        await self.write_eof(frames)

    async def write_eof(self, data: bytes = b"") -> None:
        """Ends the body, once: aiohttp asks again for what a time limit cancelled while it waited for the client."""
        if self._eof_sent:
            return
        transport = self._request.transport
        if transport is None or transport.get_write_buffer_size() + len(data) > _ROOM_BYTES:
            await (self.write(data) if data else self.room())
            data = b""
        self._send(self._framed(data) + (b"0\r\n\r\n" if self._is_chunked else b""))
        self._eof_sent, self._payload_writer = True, None

    def end_heartbeat(self) -> None:
        """Ends the heartbeat, if it has begun, and lets go of all that belongs to it.

        The exchange that makes the beats holds this stream: together they would stay until the garbage collector comes,
        and with them all that was asked and answered.
        """
        self._alarms.unset(self, self._moment)
        self._heartbeat = lambda: _COMMENT

    def _arm(self, due: float) -> None:
        """Looks again when the next heartbeat is due, in so many seconds, or the client should be looked after."""
        pause = self._watch.pause
        self._moment = self._alarms.set(self, min(pause, due) if due > 0 else pause)

    def look(self) -> None:
        """Sends a heartbeat when one is due, and drops a client that has stopped reading.

        A timer around each write would cost more than the write (11 us); this looks now and then. A stream that is
        looked at is none of the short ones: it keeps little of its request.
        """
        let_go(self._request)
        if self._watch.look():
            return
        # Who is behind has enough to read; and a beat that is made but not sent is a gap in the numbers of events.
        due = self._seconds_to_beat() if self.prepared else self._interval
        if due <= 0 and not self._request.protocol.writing_paused and (frames := self._heartbeat()):
            try:
                self.put(frames, self._loop.time())
            except ConnectionError:
                return
            due = self._interval
        self._arm(due)

    def _seconds_to_beat(self) -> float:
        return self._last_write + self._interval - self._loop.time()
