"""The headers that every answer has, and the heads that the gateway writes itself.

Answers that are given a thousand times a second have their head as bytes: what aiohttp makes of a response's headers,
in a fifth of the steps. All others are left to aiohttp.
"""

import asyncio
from collections.abc import Sequence

from aiohttp import ClientConnectionResetError
from aiohttp.hdrs import SERVER
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion10
from aiohttp.web import Request, StreamResponse

from gateway.codec.http_head import header_lines
from gateway.web.services import SERVICES
from gateway.web.visit import VISIT, Visit

_SNIFFING = ("X-Content-Type-Options", "nosniff")
_CACHE = ("Cache-Control", "no-store")


async def set_headers(request: Request, response: StreamResponse) -> None:
    """Completes the headers of an answer that aiohttp writes; a signal, which also comes for those it makes itself."""
    headers = response.headers
    visit = request.get(VISIT)  # there is none for the admin listener, nor for what aiohttp refuses by itself
    services = visit.services if visit is not None else request.app[SERVICES]
    if services.readiness.is_draining:  # the next request of this client shall go to another process
        headers["Connection"] = "close"
        response.force_close()
    if visit is not None:
        visit.has_begun = True
        headers.update(_of_visit(visit))
    headers.update((_SNIFFING,))
    headers.setdefault(*_CACHE)
    headers.popall(SERVER, None)


def _of_visit(visit: Visit) -> dict[str, str]:
    limits = visit.admission.headers if visit.admission is not None else {}
    return {"x-request-id": visit.id, **limits}


def begin(request: Request, fixed: bytes, headers: Sequence[tuple[str, str]], *, has_end: bool) -> tuple[bytes, bool]:
    """The head of a 200, and whether the connection serves on; no other answer can be given from now on.

    Args:
        request: what is answered.
        fixed: the lines of this kind of answer, those about its type, cache and framing.
        headers: of this one.
        has_end: whether the end of the body is another one than that of the connection.

    Raises:
        ValueError: when a header would be more than one.
    """
    visit = request[VISIT]
    visit.has_begun = True
    is_draining, is_old = visit.services.readiness.is_draining, request.version == HttpVersion10
    is_kept = has_end and request.keep_alive and not is_draining
    connection = b""
    if is_draining or not (is_kept or is_old):
        connection = b"Connection: close\r\n"
    elif is_kept and is_old:
        connection = b"Connection: keep-alive\r\n"
    head = b"HTTP/1.%d 200 OK\r\n%bDate: %b\r\n%b%bX-Content-Type-Options: nosniff\r\n\r\n" % (
        not is_old,
        fixed,
        rfc822_formatted_time().encode(),
        connection,
        header_lines(dict(headers) | _of_visit(visit)),
    )
    return head, is_kept


def client_of(request: Request) -> asyncio.WriteTransport:
    """The connection to the client.

    Raises:
        ConnectionError: when it is gone.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ClientConnectionResetError("the client is gone")
    return transport


def send(request: Request, data: bytes) -> None:
    """Sends bytes of an answer, whatever the client has room for.

    Raises:
        ConnectionError: when it is gone.
    """
    transport = client_of(request)
    request.writer.output_size += len(data)
    transport.write(data)
