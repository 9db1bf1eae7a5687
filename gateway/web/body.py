"""Reads request bodies: bounded in size and time, and decompressed in bounded steps."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli
from aiohttp.hdrs import CONTENT_ENCODING, EXPECT
from aiohttp.web import Request
from backports.zstd import ZstdDecompressor, ZstdError

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ServerSettings
from gateway.web.load import HeldBody

_STEP_BYTES = 262_144
"""The most that one decompression step may yield: a step is also how long the loop is kept from other streams."""


async def read_body(request: Request, settings: ServerSettings, held: HeldBody) -> bytes:
    """The body of the request, decompressed.

    Args:
        request: whose.
        settings: how large it may be, and how long it may take.
        held: counts it among those of all requests.

    Raises:
        GatewayError: OVERLOADED for want of room, BODY_TOO_LARGE the moment the limit is passed, BODY_TIMEOUT,
            UNSUPPORTED_MEDIA_TYPE for an unknown coding, INVALID_JSON for a damaged one.
    """
    limit, headers, content = settings.max_body_bytes, request.headers, request.content
    decoder = _decoder(headers.getall(CONTENT_ENCODING, []))
    length = request.content_length or 0
    if length > limit:
        raise _too_large(limit)
    if content.is_eof():  # all of it is here
        if decoder is _IDENTITY and length:
            held.take(length)
            return content.read_nowait()
        return await _read(request, decoder, limit, held)
    held.expect(length)
    if EXPECT in headers:
        await _continue(request)
    try:
        async with asyncio.timeout(settings.body_timeout_seconds):
            return await _read(request, decoder, limit, held)
    except TimeoutError:
        message = f"The request body did not arrive within {settings.body_timeout_seconds:g} seconds."
        raise GatewayError(ErrorKind.BODY_TIMEOUT, message) from None


async def defer_continue(request: Request) -> None:
    """The expect handler of routes: the body is asked for only after the key and the length are known to be good."""


async def _continue(request: Request) -> None:
    if request.headers[EXPECT].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def _read(request: Request, decoder: "_Decoder", limit: int, held: HeldBody) -> bytes:
    pieces: list[bytes] = []
    size = 0
    content = request.content
    while not content.at_eof():
        for piece in decoder.feed(await content.readany()):
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            held.take(len(piece))
            pieces.append(piece)
            if decoder.is_expensive:
                await asyncio.sleep(0)
    decoder.finish()
    return b"".join(pieces)


def _too_large(limit: int) -> GatewayError:
    return GatewayError(ErrorKind.BODY_TOO_LARGE, f"The request body is larger than {limit} bytes.")


class _Decoder(Protocol):
    """A content coding: bytes in, pieces of at most one step out."""

    @property
    def is_expensive(self) -> bool:
        """Whether other tasks should get a turn after each piece."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """The pieces that a chunk yields."""

    def finish(self) -> None:
        """Raises GatewayError if the body ends too early."""


def _decoder(codings: list[str]) -> _Decoder:
    """The decoder for the values of `Content-Encoding`."""
    if not codings:
        return _IDENTITY
    match [coding.strip().lower() for coding in codings]:
        case ["identity"] | [""]:
            return _IDENTITY
        case ["gzip" | "x-gzip"]:
            return _Zlib(16 + zlib.MAX_WBITS)
        case ["deflate"]:
            return _Zlib(zlib.MAX_WBITS)
        case ["zstd"]:
            return _Zstandard()
        case ["br"]:
            return _Brotli()
        case _:
            message = "The content encoding must be one of gzip, deflate, zstd and br."
            raise GatewayError(ErrorKind.UNSUPPORTED_MEDIA_TYPE, message)


def _damaged() -> GatewayError:
    return GatewayError(ErrorKind.INVALID_JSON, "The compressed request body is damaged.")


class _Identity:
    is_expensive = False

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        return (chunk,)

    def finish(self) -> None:
        """The server has checked the length."""


_IDENTITY = _Identity()


class _Zlib:
    """gzip, and deflate with its zlib header or, as some clients send it, without."""

    is_expensive = True

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._decompressor = zlib.decompressobj(window_bits)
        self._is_first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        rest, may_have_more = chunk, True
        while may_have_more and not self._decompressor.eof:
            piece = self._piece(rest)
            rest = self._decompressor.unconsumed_tail
            may_have_more = bool(rest) or len(piece) == _STEP_BYTES
            yield piece
        if (rest and may_have_more) or self._decompressor.unused_data:
            raise _damaged()

    def _piece(self, data: bytes) -> bytes:
        try:
            piece = self._decompressor.decompress(data, _STEP_BYTES)
        except zlib.error:
            if not self._is_first or self._window_bits != zlib.MAX_WBITS:
                raise _damaged() from None
            self._decompressor, self._is_first = zlib.decompressobj(-zlib.MAX_WBITS), False
            return self._piece(data)
        self._is_first = False
        return piece

    def finish(self) -> None:
        if not self._decompressor.eof:
            raise _damaged()


class _Zstandard:
    is_expensive = True

    def __init__(self) -> None:
        self._decompressor = ZstdDecompressor()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            yield self._decompressor.decompress(chunk, _STEP_BYTES)
            while not self._decompressor.eof and not self._decompressor.needs_input:
                yield self._decompressor.decompress(b"", _STEP_BYTES)
        except (ZstdError, EOFError):
            raise _damaged() from None
        if self._decompressor.unused_data:
            raise _damaged()

    def finish(self) -> None:
        if not self._decompressor.eof:
            raise _damaged()


class _Brotli:
    is_expensive = True

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            # It may say that it can accept more while output waits: only an empty piece means that there is none.
            piece = self._decompressor.process(chunk, output_buffer_limit=_STEP_BYTES)
            while piece:
                yield piece
                piece = self._decompressor.process(b"", output_buffer_limit=_STEP_BYTES)
        except brotli.error:
            raise _damaged() from None

    def finish(self) -> None:
        if not self._decompressor.is_finished():
            raise _damaged()
