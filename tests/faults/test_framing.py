"""Whatever goes wrong, the next answer on a connection begins where the last one ended.

Clients that read at any pace ask again and again over one connection, of upstreams that do anything, within limits that
run out at any moment. Each answer is taken apart by a strict reader.
"""

import asyncio
import random
import socket
from collections.abc import Sequence

import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import KEY
from tests.fakes.raw import http
from tests.fakes.upstream import Script, Step
from tests.faults.scene import Scene, scene
from tests.official import check_error, check_stream

CLIENTS = 8
REQUESTS = 8
LIMITS: JSONObject = {
    "idle_timeout_seconds": 0.3,
    "first_byte_timeout_seconds": 0.6,
    "total_timeout_seconds": 1.5,
    "commit_after_seconds": 0.05,
    "heartbeat_seconds": 0.05,
    "write_stall_seconds": 3,
}


def script_of(chance: random.Random) -> Script:
    """An answer of any size that ends in any way."""
    size = chance.choice((1, 100, 10_000, 100_000, 1_000_000))
    pieces: list[Step] = [chat.chunk({"content": "x" * min(size, 50_000)}) for _ in range(max(1, size // 50_000))]
    pauses = [chance.choice((0.0, 0.0, 0.01, 0.12)) for _ in range(3)]
    end: Sequence[Step] = chance.choice(((chat.ending(),), (chat.ending(),), (chat.ending(), 0.1), ("cut",), ("hang",)))
    start: Sequence[Step] = chance.choice(((), (), (0.1,), ("headers", 0.1)))
    if chance.random() < 0.1:
        return Script.json(chat.error_body("no"), status=chance.choice((400, 500, 503)))
    return Script.of(*start, *pieces, *pauses, *end)


@pytest.mark.case("C11", "U8", "H1")
@pytest.mark.parametrize("seed", range(2))
async def test_every_answer_ends_where_the_next_one_begins(seed: int) -> None:
    chance = random.Random(seed)
    async with scene(**LIMITS) as place:
        place.upstream.respond(lambda _: script_of(chance))
        await asyncio.gather(*(Client(place, random.Random(f"{seed} {number}")).run() for number in range(CLIENTS)))


class Client:
    """Asks over one connection, and opens another only where the gateway has closed it."""

    def __init__(self, place: Scene, chance: random.Random) -> None:
        self._place = place
        self._chance = chance
        self._pace = chance.choice((0.0, 0.0, 0.002, 0.01))
        self._received = bytearray()
        self._socket: socket.socket | None = None

    async def run(self) -> None:
        """So many requests, one or two at a time."""
        answered = 0
        while answered < REQUESTS:
            bodies = [self._request() for _ in range(self._chance.choice((1, 1, 1, 2)))]
            await self._send(b"".join(http("POST", "/v1/responses", body, key=KEY) for body in bodies))
            for _ in bodies:
                if not await self._take():
                    break
            answered += len(bodies)
        self._close()

    def _request(self) -> bytes:
        stream = self._chance.random() < 0.8
        return orjson.dumps({"model": "up/model", "input": "Hi", "stream": stream, "store": False})

    async def _send(self, data: bytes) -> None:
        if self._socket is None:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._chance.choice((16_384, 65_536, 1 << 20)))
            self._socket.setblocking(False)
            await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._place.gateway.port))
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._received.clear()

    async def _take(self) -> bool:
        """Reads one whole answer and checks it; says whether the connection takes another."""
        async with asyncio.timeout(20):
            head = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            assert head[0].startswith("HTTP/1.1 "), head
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await self._body(headers)
        if head[0].split()[1] == "200" and headers["content-type"] == "text/event-stream":
            assert check_stream(body).response["status"] in ("completed", "failed")
        elif head[0].split()[1] != "200":
            check_error(orjson.loads(body))
        if headers.get("connection") == "close":
            assert await self._more() == b""
            self._close()
            return False
        return True

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._exactly(int(headers["content-length"]))
        body = b""
        while size := int((await self._until(b"\r\n")).strip(), 16):
            body += await self._exactly(size)
            assert await self._exactly(2) == b"\r\n"
        assert await self._exactly(2) == b"\r\n"
        return body

    async def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            assert await self._more(), bytes(self._received[:200])
        return await self._exactly(self._received.index(end) + len(end))

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            assert await self._more(), bytes(self._received[:200])
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    async def _more(self) -> bytes:
        """The next bytes, at this client's pace; none when the gateway has closed the connection."""
        assert self._socket is not None
        if self._pace:
            await asyncio.sleep(self._pace)
        piece = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
        self._received += piece
        return piece
