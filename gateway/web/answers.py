"""JSON answers and error answers, in the API's form."""

from collections.abc import Sequence

from aiohttp.web import Request, Response, StreamResponse

from gateway.codec.json import JSONValue, dumps
from gateway.errors import GatewayError, http_body, http_headers
from gateway.web.answer_head import begin, send
from gateway.web.stall import dropped_when_stalled

_JSON_LINES = b"Content-Type: application/json\r\nCache-Control: no-store\r\n"
_LARGE_BYTES = 65_536
"""What the buffers of a connection take without waiting for the client."""


def json_answer(value: JSONValue, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The value as a JSON body."""
    return raw_json_answer(dumps(value), status, headers)


def raw_json_answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A body that is JSON already."""
    return Response(body=body, status=status, headers=headers, content_type="application/json")


async def send_json(
    request: Request, body: bytes, headers: Sequence[tuple[str, str]], *, stall: float
) -> StreamResponse:
    """Sends a body that is JSON already; the client of a large one is dropped if it stalls.

    Raises:
        ConnectionError: when the client is gone or stalled.
    """
    if len(body) <= _LARGE_BYTES:
        fixed = b"%bContent-Length: %d\r\n" % (_JSON_LINES, len(body))
        head, is_kept = begin(request, fixed, headers, has_end=True)
        send(request, head + body)
        return _SENT if is_kept else _SENT_LAST
    response = StreamResponse(headers=headers)
    response.content_type, response.content_length = "application/json", len(body)
    async with dropped_when_stalled(request, stall):
        await response.prepare(request)
        await response.write(body)
    return response


class _Sent(StreamResponse):
    """An answer that is on its way: nothing but its connection is left to aiohttp, and nothing of it ever changes."""

    def __init__(self, *, is_kept: bool) -> None:
        super().__init__()
        self._keep_alive, self._eof_sent = is_kept, True


_SENT, _SENT_LAST = _Sent(is_kept=True), _Sent(is_kept=False)


def error_answer(error: GatewayError) -> Response:
    """The error as an HTTP answer."""
    return json_answer(http_body(error), error.status, http_headers(error))
