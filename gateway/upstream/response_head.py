"""The head of an upstream's answer, which aiohttp's parser reads, and what it says about the body behind it."""

import asyncio

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.hdrs import CONTENT_LENGTH
from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from gateway.codec.http_body import Body, ChunkedBody, SizedBody, UnboundedBody

_READER_BYTES = 65_536
"""Of a reader that is never used: the parser does not see the body."""
_WITHOUT_BODY = frozenset({204, 304})


def parsed(protocol: ResponseHandler, head: bytes) -> RawResponseMessage:
    """The head of an answer, alone.

    Raises:
        HttpProcessingError: when it is none.
    """
    parser = HttpResponseParser(
        protocol,
        asyncio.get_running_loop(),
        _READER_BYTES,
        payload_exception=ClientPayloadError,
        response_with_body=False,
        auto_decompress=False,
    )
    messages, _, _ = parser.feed_data(head)
    if not messages or messages[0][0].code == 101:  # nobody asked for another protocol
        raise HttpProcessingError(message="No answer of HTTP")
    return messages[0][0]


def body_after(head: RawResponseMessage) -> Body:
    """How what follows the head is framed (RFC 9112, section 6.3)."""
    if head.code in _WITHOUT_BODY:
        return SizedBody(0)
    if head.chunked:
        return ChunkedBody()
    if (size := head.headers.get(CONTENT_LENGTH)) is not None:
        return SizedBody(int(size))
    return UnboundedBody()
