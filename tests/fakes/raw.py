"""Bytes on sockets, for what no HTTP library would send: a client that writes anything, an upstream that answers so.

The upstream reads whole requests (only `Content-Length` bodies) and answers each with one script.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.upstream import WAIT

RawStep = bytes | float | Literal["cut", "reset", "hang"]
"""What the upstream does next: write; wait so many seconds; close; reset; wait until the gateway leaves."""

EVENTS_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """The data as one chunk of an HTTP body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(slots=True)
class RawUpstream:
    """A server that answers with exact bytes."""

    base_url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection has ended from the gateway's side."""
    written: int = 0
    _scripts: list[Sequence[RawStep]] = field(default_factory=list)

    def answer(self, *scripts: Sequence[RawStep]) -> None:
        """Answer the next requests with these; the last one stays."""
        self._scripts[:] = scripts

    async def wait_until_left(self) -> None:
        """Wait, not for ever, until the gateway has closed a connection."""
        async with asyncio.timeout(WAIT):
            await self.closed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._take(reader):
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                if not await self._play(script, reader, writer):
                    return
            self.closed.set()
        except ConnectionError:
            self.closed.set()
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        self.requests.append(head + body)
        return True

    async def _play(
        self, script: Sequence[RawStep], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection can take another request."""
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                self.written += len(step)
            elif step == "hang":
                await reader.read()
                self.closed.set()
                return False
            elif step == "cut":
                return False
            elif step == "reset":
                reset(writer)
                return False
            else:
                await asyncio.sleep(float(step))
        return True


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def raw_upstream(*scripts: Sequence[RawStep]) -> AsyncIterator[RawUpstream]:
    """Serve on a loopback port."""
    upstream = RawUpstream()
    upstream.answer(*scripts)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client connection to a loopback port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        if writer.transport.get_write_buffer_size():  # what nobody reads would keep it open beyond the test
            writer.transport.abort()


async def send(port: int, data: bytes, *, half_close: bool = False) -> bytes:
    """Send the bytes and read until the server closes the connection."""
    async with asyncio.timeout(WAIT), connection(port) as (reader, writer):
        writer.write(data)
        if half_close:
            writer.write_eof()
        answer = b""
        try:
            while piece := await reader.read(65536):
                answer += piece
        except ConnectionResetError:
            return answer
        return answer


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """One answer with its end: status, headers with names in lower case, body."""
    async with asyncio.timeout(WAIT):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        if headers.get("transfer-encoding") != "chunked":
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            return int(head[0].split()[1]), headers, body
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return int(head[0].split()[1]), headers, body


def http(method: str, path: str, body: bytes = b"", *, headers: tuple[str, ...] = (), key: str | None = None) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway", *headers]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
