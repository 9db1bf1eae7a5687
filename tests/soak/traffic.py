"""What clients do in the soak, good and bad, each with what it may get for it."""

import asyncio
import io
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
import orjson

from gateway.codec.json import JSONObject
from tests.fakes.gateway import GatewayProcess
from tests.fakes.raw import connection, http, reset
from tests.official import check_error, check_response, check_stream, read_frames
from tests.soak.upstream import prompt

LIMIT_SECONDS = 30.0
CHECKED = 0.1
"""The share of the answers of which every byte is checked; of the others only the end."""


class UnexpectedError(Exception):
    """A client got what it should not have got."""


@dataclass(slots=True)
class Client:
    """Asks the gateway, over connections that it keeps."""

    gateway: GatewayProcess
    session: aiohttp.ClientSession
    is_store_down: Callable[[], bool] = lambda: False
    """Whether what needs the store may fail at the moment."""

    async def post(self, body: JSONObject | bytes, path: str = "/responses") -> tuple[int, bytes]:
        """Status and body of an answer."""
        data = io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        async with self.session.post(self.gateway.base_url + path, data=data) as answer:
            return answer.status, await answer.read()

    async def respond(self, word: str, **members: object) -> tuple[int, bytes]:
        """Status and body for a request whose prompt has the word."""
        return await self.post({"model": "up/m", "input": prompt(word), "stream": True, **members})


Act = Callable[[Client], Awaitable[None]]


def expect(condition: object, *seen: object) -> None:
    """Raises what makes the soak fail."""
    if not condition:
        raise UnexpectedError(*[str(one)[:500] for one in seen])


def ending(body: bytes) -> JSONObject:
    """The Response at the end of a stream; now and then every byte before it is checked."""
    if random.random() < CHECKED:
        return check_stream(body).response
    expect(body.endswith(b"data: [DONE]\n\n"), body[-300:])
    *_, last = read_frames(body)
    return dict(last["response"])


async def stream(client: Client) -> None:
    """A stream to its end."""
    status, body = await client.respond(random.choice(("talk", "talk", "call", "think")))
    expect(status == 200 and ending(body)["status"] == "completed", status, body)


async def collected(client: Client) -> None:
    """An answer that is not streamed."""
    status, body = await client.respond("talk", stream=False)
    expect(status == 200, status, body)
    if random.random() < CHECKED:
        check_response(orjson.loads(body))


async def passed_through(client: Client) -> None:
    """Chat Completions."""
    request = {"model": "up/m", "messages": [{"role": "user", "content": prompt("talk")}], "stream": True}
    status, body = await client.post(request, "/chat/completions")
    expect(status == 200 and body.endswith(b"data: [DONE]\n\n"), status, body)


async def conversation(client: Client) -> None:
    """Three turns that continue each other, then deleted."""
    previous: JSONObject = {}
    for _ in range(3):
        status, body = await client.respond("talk", stream=False, **previous)
        if status != 200 or not orjson.loads(body)["store"]:
            expect(client.is_store_down(), status, body)
            return
        previous = {"previous_response_id": orjson.loads(body)["id"]}
    url = f"{client.gateway.base_url}/responses/{previous['previous_response_id']}"
    async with client.session.delete(url) as answer:
        expect(answer.status == 200 or client.is_store_down(), answer.status)


async def background(client: Client) -> None:
    """A response in the background: polled to its end, followed, or cancelled."""
    status, body = await client.respond("talk", stream=False, background=True)
    if status != 200:
        expect(client.is_store_down(), status, body)
        return
    url = f"{client.gateway.base_url}/responses/{orjson.loads(body)['id']}"
    match random.choice(("poll", "follow", "cancel")):
        case "cancel":
            async with client.session.post(f"{url}/cancel") as answer:
                expect(answer.status == 200 or client.is_store_down(), answer.status)
        case "follow":
            async with client.session.get(f"{url}?stream=true") as answer:
                expect(answer.status == 200 or client.is_store_down(), answer.status)
                await answer.read()
        case _:
            await poll(client, url)


async def poll(client: Client, url: str) -> None:
    """Until it is over."""
    while True:
        async with client.session.get(url) as answer:
            body = await answer.read()
            if answer.status != 200:
                expect(client.is_store_down(), answer.status, body)
                return
            if orjson.loads(body)["status"] not in ("queued", "in_progress"):
                return
        await asyncio.sleep(0.1)


async def leaving(client: Client) -> None:
    """A client that is gone at some moment: in its upload, before the first word, in the middle."""
    request = orjson.dumps({"model": "up/m", "input": prompt("talk"), "stream": random.random() < 0.7})
    data = http("POST", "/v1/responses", request, key=client.gateway.key)
    async with connection(client.gateway.port) as (reader, writer):
        writer.write(data[: random.choice((50, len(data) - 5, len(data), len(data), len(data)))])
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0, 0.4)):
                await reader.read(random.choice((1, 1000, 10_000)))
        if random.random() < 0.5:
            reset(writer)


async def failing(client: Client) -> None:
    """An upstream that breaks off, refuses, or sends what is no answer: told as it is, never as completed."""
    word = random.choice(("cut", "cut", "refuse", "page", "rubbish"))
    status, body = await client.respond(word, model="bad/m")
    if status == 200:
        expect(ending(body)["status"] == "failed", word, body)
    else:
        expect(status in (400, 429, 502, 503), word, status, body)
        check_error(orjson.loads(body))


async def hanging(client: Client) -> None:
    """An upstream that falls silent."""
    word = random.choice(("hang", "silent"))
    status, body = await client.respond(word, model="bad/m")
    expect(status == 504 or ending(body)["status"] == "failed", word, status, body)


async def failing_over(client: Client) -> None:
    """An alias whose first target is not there."""
    status, body = await client.respond("talk", model="either")
    expect(status == 200 and ending(body)["status"] == "completed", status, body)


async def reading_slowly(client: Client) -> None:
    """A large answer, taken little by little."""
    request = {"model": "up/m", "input": prompt("flood"), "stream": True, "store": False}
    async with client.session.post(f"{client.gateway.base_url}/responses", data=orjson.dumps(request)) as answer:
        size = 0
        while piece := await answer.content.read(65_536):
            size += len(piece)
            await asyncio.sleep(0.02)
        expect(size > 1_000_000, size)


async def stalling(client: Client) -> None:
    """A client that stops reading: it is dropped at the limit."""
    request = orjson.dumps({"model": "up/m", "input": prompt("stall"), "stream": True, "store": False})
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", client.gateway.port))
        await loop.sock_sendall(sock, http("POST", "/v1/responses", request, key=client.gateway.key))
        await asyncio.sleep(4)


GARBAGE = (
    b"rubbish\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
)


async def sending_garbage(client: Client) -> None:
    """Bytes that are no request."""
    async with connection(client.gateway.port) as (reader, writer):
        writer.write(random.choice(GARBAGE))
        answer = await reader.read()
        expect(answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), answer)


WRONG: tuple[tuple[bytes, int], ...] = (
    (b"", 400),
    (b"{", 400),
    (b'{"model": "up/m", "input": NaN}', 400),
    (b'{"model": "up/m", "input": ' + b"[" * 2000 + b"]" * 2000 + b"}", 400),
    (b'{"model": "nobody/m", "input": "Hi"}', 404),
    (b'{"model": "up/m", "input": 17}', 400),
    (b'{"model": "up/m", "input": [{"type": "message"}]}', 400),
    (b"x" * 9_000_000, 413),
)


async def asking_wrongly(client: Client) -> None:
    """Requests that cannot be answered, and keys that are none."""
    body, expected = random.choice(WRONG)
    status, answer = await client.post(body)
    expect(status == expected, status, answer)
    async with client.session.get(
        f"{client.gateway.base_url}/models", headers={"Authorization": "Bearer no"}
    ) as refused:
        expect(refused.status == 401, refused.status)


async def sending_much(client: Client) -> None:
    """A body of two megabytes."""
    status, body = await client.respond("talk", input="words " * 350_000, stream=False, store=False)
    expect(status == 200, status, body)


ACTS: dict[Act, int] = {
    stream: 30,
    collected: 14,
    passed_through: 8,
    conversation: 6,
    background: 6,
    leaving: 14,
    failing: 8,
    hanging: 2,
    failing_over: 4,
    reading_slowly: 1,
    stalling: 1,
    sending_garbage: 4,
    asking_wrongly: 4,
    sending_much: 1,
}
"""How often each is done, compared with the others."""


@dataclass(slots=True)
class Tally:
    """What was done so far."""

    done: dict[str, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)

    async def act(self, client: Client) -> None:
        """Does one of all, by chance."""
        await self.do(random.choices(list(ACTS), list(ACTS.values()))[0], client)

    async def do(self, act: Act, client: Client) -> None:
        """Does it, and notes what should not have been."""
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await act(client)
        except (UnexpectedError, AssertionError, aiohttp.ClientError, OSError, TimeoutError) as error:
            self.unexpected.append(f"{act.__name__}: {type(error).__name__} {error}"[:600])
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
