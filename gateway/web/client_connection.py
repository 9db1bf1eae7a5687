"""One client connection: what aiohttp's says to bytes that are no request, and how much it keeps of one."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast

from aiohttp.hdrs import SERVER
from aiohttp.http import HttpProcessingError, HttpRequestParser, RawRequestMessage
from aiohttp.streams import EmptyStreamReader
from aiohttp.web import BaseRequest, Request, RequestHandler, RequestPayloadError, Response, Server, StreamResponse
from aiohttp.web_protocol import _ErrInfo
from multidict import CIMultiDict, CIMultiDictProxy
from prometheus_client import Counter

from gateway.codec.json import dumps
from gateway.corked_transport import Cork, CorkedTransport
from gateway.errors import ErrorKind, GatewayError, http_body
from gateway.upstream.short_queue import ShortQueue

_log = logging.getLogger(__name__)

_SUMMARY_SECONDS = 1.0
"""The log has at most one line in this time about bytes that are no requests: scanners send them by the thousand."""

_HEAD_END = b"\r\n\r\n"
_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
_NO_BYTES: ShortQueue[bytes] = ShortQueue()
_UNKNOWN = -(1 << 62)


class Malformed:
    """Counts requests that are none, for one line now and then."""

    def __init__(self, counter: Counter | None) -> None:
        self._counter = counter
        self._count = 0
        self._silent_until = 0.0

    def note(self) -> None:
        """One more."""
        self._count += 1
        if self._counter is not None:
            self._counter.inc()
        if time.monotonic() >= self._silent_until:
            _log.info("refused malformed requests", extra={"fields": {"count": self._count}})
            self._count, self._silent_until = 0, time.monotonic() + _SUMMARY_SECONDS


class _Refusal(Response):
    """An answer outside of the application, whose signals cannot take off the name and version of the server."""

    def __init__(self, error: GatewayError) -> None:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        body = dumps(http_body(error))
        super().__init__(body=body, status=error.status, headers=headers, content_type="application/json")

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall(SERVER, None)


class _Parcel:
    """The head of a request on its way to the request: aiohttp keeps what it takes from its queue until the end."""

    __slots__ = ("_head",)

    def __init__(self, head: RawRequestMessage) -> None:
        self._head: RawRequestMessage | None = head

    def unpacked(self) -> RawRequestMessage | None:
        head, self._head = self._head, None
        return head


class _Requests(ShortQueue[Any]):
    """The requests that have come on a connection and wait for those before them: head and body of each."""

    __slots__ = ()

    def popleft(self) -> Any:
        head, body = super().popleft()
        return (head if isinstance(head, _ErrInfo) else _Parcel(head)), body


def unpacking(make_request: Callable[..., BaseRequest]) -> Callable[..., BaseRequest]:
    """Makes requests of what a connection has queued."""

    def make(head: RawRequestMessage | _Parcel, *others: Any) -> BaseRequest:
        return make_request(head.unpacked() if isinstance(head, _Parcel) else head, *others)

    return make


class ClientConnection(RequestHandler):
    """One client connection.

    While a stream is open, nothing is kept of the request that it answers but what the log line tells (`let_go`):
    aiohttp would keep the head three times, the parser, and a timer. What this touches is aiohttp's own;
    tests/web/test_client_connection.py holds it to that.
    """

    __slots__ = ("_after_head", "_cork", "_malformed")

    def __init__(self, manager: Server, malformed: Malformed, cork: Cork, **options: Any) -> None:
        super().__init__(manager, **options)
        self._malformed = malformed
        self._cork = cork
        self._messages = cast("Any", _Requests())
        self._after_head = _UNKNOWN
        """How many bytes have come behind the head of the last request; negative when that is not known."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(CorkedTransport(cast(asyncio.Transport, transport), self._cork))

    def data_received(self, data: bytes) -> None:
        """Takes bytes of the client; when they break the framing of a body, whoever reads that body is told.

        aiohttp queues the error behind the request instead, which would wait for its body until the time limit.
        """
        if self._parser is None and not self._force_close and not self._close:
            self._parser = self._new_parser()
        queued = len(self._messages)
        super().data_received(data)
        if len(self._messages) > queued:
            head_end = data.find(_HEAD_END)
            self._after_head = len(data) - head_end - len(_HEAD_END) if head_end >= 0 else _UNKNOWN
        else:
            self._after_head += len(data)
        if self._current_request is not None and self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._lingering_time = 0.0
            self._current_request.content.set_exception(RequestPayloadError("the framing is broken"))

    def _new_parser(self) -> HttpRequestParser:
        """As aiohttp makes one for each connection."""
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Goes on where reading was paused; aiohttp asks for it twice with each body, and parses nothing each time."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def let_go(self, request: BaseRequest) -> None:
        """Frees what is not needed any more of the request that is being answered: its head has been looked at.

        The parser goes too, and another one comes with the next request, if nothing of that has come yet: all bytes
        behind the head are those of the body, which is there whole.
        """
        if request._headers is _NO_HEADERS:  # noqa: SLF001
            return
        self.keep_alive(True)  # the timer for it is not needed before the next request is waited for, and is made then
        body = request.content
        if not body.is_eof() or self._messages or self._upgraded:
            return
        received = 0
        if not isinstance(body, EmptyStreamReader):
            received = body.total_bytes
            if body.at_eof():
                body._buffer = cast("Any", _NO_BYTES)  # noqa: SLF001
        if self._after_head == received:
            self._parser = None
        self._cache.clear()  # addresses of both sides, which are asked for anew
        request._transport_peername = request._transport_sockname = None  # noqa: SLF001
        request._message = request._message._replace(headers=_NO_HEADERS, raw_headers=())  # noqa: SLF001
        request._headers = _NO_HEADERS  # noqa: SLF001
        request._cache.clear()  # noqa: SLF001 - all of it can be had again, but the headers

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answers what no handler can: bytes that are no request, and faults outside of the middlewares."""
        is_clients = status < 500 or isinstance(exc, HttpProcessingError)
        if is_clients:
            self._malformed.note()
            if exc is not None:
                exc.__traceback__ = None  # it holds the connection, which holds it: only the collector would end both
            error = GatewayError(ErrorKind.BAD_REQUEST, "The request is not valid HTTP.")
        else:
            _log.error("a request failed on a fault of the gateway", exc_info=exc)
            error = GatewayError(ErrorKind.INTERNAL, "The gateway failed on this request.")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had already begun")
        response = _Refusal(error)
        response.force_close()
        return response


def let_go(request: Request) -> None:
    """Frees what an open answer does not need of its request: the head, the parser, a timer."""
    connection = request.protocol
    if isinstance(connection, ClientConnection):
        connection.let_go(request)
