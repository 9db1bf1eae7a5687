"""JSON answers and error answers, in the API's form."""

from aiohttp.web import Request, Response, StreamResponse

from gateway.codec.json import JSONValue, dumps
from gateway.errors import GatewayError, http_body, http_headers
from gateway.web.stall import dropped_when_stalled

_LARGE_BYTES = 65_536
"""What the buffers of a connection take without waiting for the client."""


def json_answer(value: JSONValue, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The value as a JSON body."""
    return raw_json_answer(dumps(value), status, headers)


def raw_json_answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A body that is JSON already."""
    return Response(body=body, status=status, headers=headers, content_type="application/json")


async def send_json(request: Request, body: bytes, headers: dict[str, str], *, stall: float) -> StreamResponse:
    """A body that is JSON already; a large one is sent here and now, and its client dropped if it stalls."""
    if len(body) <= _LARGE_BYTES:
        return raw_json_answer(body, headers=headers)
    response = StreamResponse(headers=headers)
    response.content_type, response.content_length = "application/json", len(body)
    async with dropped_when_stalled(request, stall):
        await response.prepare(request)
        await response.write(body)
    return response


def error_answer(error: GatewayError) -> Response:
    """The error as an HTTP answer."""
    return json_answer(http_body(error), error.status, http_headers(error))
