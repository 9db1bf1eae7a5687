"""Bodies that are taken straight from a connection: any split of the bytes, any pause of the taker, and every break."""

import asyncio
import itertools

import pytest
from aiohttp import BaseConnector, ClientRequest
from aiohttp.connector import Connection as PooledConnection
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from gateway.corked_transport import Cork
from gateway.errors import GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.answer import PIECE_BYTES, UpstreamAnswer
from gateway.upstream.client import Upstream
from gateway.upstream.connection import Connection
from gateway.upstream.connections import CUT_OFF
from tests.fakes.raw import EVENTS_HEAD, LAST_CHUNK, RawStep, chunked, raw_upstream
from tests.fakes.upstream import WAIT


class Pipe(asyncio.Transport):
    """A transport that gives a connection what it is told to, as long as it may."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._waiting: list[bytes] = []
        self._is_paused = self._is_ended = False
        connection.connection_made(self)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self.flush)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """What is asked does not matter."""

    def send(self, data: bytes) -> None:
        self._waiting.append(data)
        self.flush()

    def end(self) -> None:
        self._is_ended = True
        self.flush()

    def flush(self) -> None:
        while self._waiting and not self._is_paused:
            self._connection.data_received(self._waiting.pop(0))
        if self._is_ended and not self._waiting and self._connection.transport is not None:
            self._connection.connection_lost(None)


async def received(pieces: list[bytes], pauses: list[bool]) -> list[bytes]:
    """What a taker gets that now and then wants no more for a moment; the pieces come in between."""
    loop = asyncio.get_running_loop()
    connection = Connection(loop, Cork(loop))
    pipe = Pipe(connection)
    key = ClientRequest("GET", URL("http://up"), loop=loop).connection_key
    async with BaseConnector() as pool:
        answer = UpstreamAnswer(PooledConnection(pool, key, connection, loop))
        taken = await taken_with_pauses(pipe, answer, pieces, pauses)
        answer.close()
    return taken


async def taken_with_pauses(pipe: Pipe, answer: UpstreamAnswer, pieces: list[bytes], pauses: list[bool]) -> list[bytes]:
    taken: list[bytes] = []
    pausing = itertools.cycle([*pauses, False])

    def take(chunk: bytes) -> bool:
        taken.append(chunk)
        return not next(pausing)

    async def send() -> None:
        for piece in pieces:
            pipe.send(piece)
            await asyncio.sleep(0)
        pipe.end()

    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        await answer.ask(b"", b"")
        while not taken or taken[-1]:
            await answer.feed(take)
            await asyncio.sleep(0)
            pipe.flush()
    return taken


@example(body=[b"a" * 70_000] * 3, cuts=[], pauses=[True])  # more than waits, and than is given at once
@given(
    body=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
    pauses=st.lists(st.booleans(), max_size=4),
)
def test_any_split_and_any_pause_give_the_same_body(body: list[bytes], cuts: list[int], pauses: list[bool]) -> None:
    wire = EVENTS_HEAD + b"".join(map(chunked, body)) + LAST_CHUNK
    points = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    taken = asyncio.run(received([wire[start:end] for start, end in itertools.pairwise(points)], pauses))
    assert b"".join(taken) == b"".join(body)
    assert taken.count(b"") == 1


@given(
    body=st.lists(st.binary(min_size=1, max_size=300) | st.just(b"a" * PIECE_BYTES * 3), min_size=1, max_size=8),
    framing=st.sampled_from(["chunks", "length", "connection"]),
    pauses=st.lists(st.booleans(), max_size=4),
)
def test_pieces_that_come_each_by_itself_give_it_too(body: list[bytes], framing: str, pauses: list[bool]) -> None:
    """In every framing; most of them take a shorter way to the taker."""
    pieces = {
        "chunks": [EVENTS_HEAD, *map(chunked, body), LAST_CHUNK],
        "length": [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(b"".join(body)), *body],
        "connection": [b"HTTP/1.1 200 OK\r\n\r\n", *body],
    }[framing]
    taken = asyncio.run(received(pieces, pauses))
    assert b"".join(taken) == b"".join(body)
    assert (taken.count(b""), taken[-1]) == (1, b"")
    assert max(map(len, taken)) <= PIECE_BYTES


class Taker(list[bytes]):
    """Keeps what it is given; one that is not greedy wants no more after each piece."""

    is_greedy = True

    def __call__(self, chunk: bytes) -> bool:
        self.append(chunk)
        return self.is_greedy


async def taken_of(answer: UpstreamAnswer) -> Taker:
    taken = Taker()
    await answer.feed(taken)
    return taken


def upstream(base_url: str) -> Upstream:
    return Upstream(ProviderSettings(name="up", base_url=base_url))


@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_a_body_is_given_to_its_end_and_the_connection_serves_again(pause: float) -> None:
    """Without a pause all of it came with the head, and the connection has gone back before anybody asks."""
    script: tuple[RawStep, ...] = (EVENTS_HEAD, pause, chunked(b"ab"), pause, chunked(b"c"), pause, LAST_CHUNK)
    async with raw_upstream(script, script) as server, upstream(server.base_url) as up:
        for _ in range(2):
            answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
            taken = await taken_of(answer)
            answer.close()
            assert (b"".join(taken), taken[-1]) == (b"abc", b"")
        assert server.connections == 1


@pytest.mark.parametrize("ending", [("cut",), (b"rubbish\r\n", "hang")])
async def test_what_came_with_a_break_is_given_before_it_is_told(ending: tuple[RawStep, ...]) -> None:
    async with raw_upstream((EVENTS_HEAD, 0.05, chunked(b"abc"), *ending)) as server, upstream(server.base_url) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        taken = Taker()
        with pytest.raises(GatewayError) as caught:
            await answer.feed(taken)
        answer.close()
        assert (b"".join(taken), caught.value.upstream_code) == (b"abc", CUT_OFF)


@pytest.mark.parametrize("first", [chunked(b"a"), chunked(b"a")[:-1], chunked(b"a" * 40_000)])
async def test_a_fault_of_the_taker_is_raised_where_the_body_is_awaited(first: bytes) -> None:
    taken = Taker()

    def take(chunk: bytes) -> bool:
        taken.append(chunk)
        raise ConnectionResetError("the client left")

    async with (
        raw_upstream((EVENTS_HEAD, 0.05, first, 0.05, chunked(b"b"), "hang")) as server,
        upstream(server.base_url) as up,
    ):
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        with pytest.raises(ConnectionResetError):
            await answer.feed(take)
        await asyncio.sleep(0.1)
        assert len(taken) == 1, "nothing more is given to it"
        answer.close()
        await server.wait_until_left()


async def test_nothing_is_taken_after_the_wait_was_cancelled() -> None:
    taken = Taker()
    script: tuple[RawStep, ...] = (EVENTS_HEAD, chunked(b"a"), 0.1, chunked(b"b"), "hang")
    async with raw_upstream(script) as server, upstream(server.base_url) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await answer.feed(taken)
        await asyncio.sleep(0.1)
        assert taken == [b"a"]
        assert await answer.read() == b"b"  # the ordinary way goes on where the other stopped
        answer.close()


@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_a_taker_gets_large_reads_in_pieces(pause: float) -> None:
    """Between two of them it sees whether its client has room."""
    body = bytes(range(256)) * 400
    script: tuple[RawStep, ...] = (EVENTS_HEAD, pause, chunked(body), LAST_CHUNK)
    async with raw_upstream(script) as server, upstream(server.base_url) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        taken = await taken_of(answer)
        answer.close()
    assert b"".join(taken) == body
    assert max(map(len, taken)) <= PIECE_BYTES


async def test_a_sender_waits_while_nobody_takes() -> None:
    big = chunked(bytes(65_536))
    async with raw_upstream((EVENTS_HEAD, *[big] * 400, LAST_CHUNK)) as server, upstream(server.base_url) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        some = Taker()
        some.is_greedy = False
        await answer.feed(some)
        await asyncio.sleep(0.2)
        await answer.feed(some)
        assert sum(map(len, some)) < 4_000_000
        rest = await taken_of(answer)
        answer.close()
        assert sum(map(len, [*some, *rest])) == 400 * 65_536
