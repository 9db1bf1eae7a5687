"""The caps of the process, alone and over sockets."""

import asyncio
from dataclasses import dataclass

import orjson
import pytest

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import LimitsSettings
from gateway.web.load import HeldBody, Load
from gateway.web.open_streams import OpenStreams
from gateway.web.services import SERVICES
from tests.fakes import chat
from tests.fakes.local_gateway import OUTPUT, LocalGateway
from tests.fakes.raw import connection
from tests.fakes.upstream import WAIT, Script
from tests.faults.scene import posted
from tests.web.gateways import ANSWER, REQUEST, limited, post


class Buffers(OpenStreams):
    """Streams with as much in their buffers as the test says."""

    held = 0
    looks = 0

    def buffered_bytes(self) -> int:
        self.looks += 1
        return self.held


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_buffers_are_looked_at_four_times_a_second_at_most() -> None:
    buffers, clock, refused = Buffers(), Clock(), list[str]()
    load, limits = Load(buffers, refused.append, clock), LimitsSettings(max_buffered_bytes=100)
    for _ in range(100):
        clock.now += 0.01
        load.enter(limits)
    assert 4 <= buffers.looks <= 5
    buffers.held, clock.now = 100, 9.0
    for _ in range(3):
        with pytest.raises(GatewayError) as caught:
            load.enter(limits)
        assert caught.value.kind is ErrorKind.OVERLOADED
    assert (refused, load.answers) == (["max_buffered_bytes"] * 3, 100)
    buffers.held, clock.now = 99, 10.0
    load.enter(limits)


def test_nobody_looks_at_buffers_without_a_cap() -> None:
    buffers = Buffers()
    Load(buffers).enter(LimitsSettings(max_buffered_bytes=0))
    assert not buffers.looks


def test_bodies_take_room_until_they_are_free_and_give_it_back_once() -> None:
    load, limits = Load(OpenStreams()), LimitsSettings(max_body_bytes_in_flight=100)
    first, second = HeldBody(load, limits), HeldBody(load, limits)
    first.take(40)
    first.take(30)
    second.expect(30)
    with pytest.raises(GatewayError):
        second.expect(31)
    second.take(30)
    with pytest.raises(GatewayError):
        first.take(1)
    first.free()
    first.free()
    assert load.body_bytes == 30


# Over sockets


async def all_comes_back(gateway: LocalGateway) -> None:
    """A request may be over a moment after its answer."""
    load = gateway.app[SERVICES].load
    async with asyncio.timeout(WAIT):
        while True:
            if (load.answers, load.body_bytes) == (0, 0):
                return
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("members", [{}, {"stream": True}, {"background": True}])
async def test_beyond_the_open_streams_a_request_is_refused_at_once(members: JSONObject) -> None:
    async with limited(max_open_streams=3) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.4, chat.ending()))
        begun = asyncio.gather(*(post(gateway, REQUEST | members) for _ in range(3)))
        await upstream.request(2)
        status, headers, body = await post(gateway, REQUEST | members)
        error = orjson.loads(body)["error"]
        assert (status, error["type"], error["code"]) == (503, "server_error", "server_is_overloaded")
        assert headers["retry-after"] == "1"
        assert {status for status, _, _ in await begun} == {200}
        await all_comes_back(gateway)
        assert (await post(gateway, REQUEST | members))[0] == 200
        assert "shed" in {entry["termination"] for entry in gateway.log.entries()}
        registry = gateway.app[SERVICES].metrics.registry
        assert registry.get_sample_value("gateway_refused_requests_total", {"limit": "max_open_streams"}) == 1


async def test_a_client_that_follows_a_background_response_counts_too() -> None:
    async with limited(max_open_streams=2) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.5, chat.ending()))
        _, _, body = await post(gateway, REQUEST | {"background": True})
        path = f"/responses/{orjson.loads(body)['id']}?stream=true"
        following = asyncio.create_task(post(gateway, None, path))
        async with asyncio.timeout(WAIT):
            while gateway.app[SERVICES].load.answers < 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)
        assert (await post(gateway, None, path))[0] == 503
        assert (await following)[0] == 200
        await all_comes_back(gateway)


async def test_a_body_is_held_until_its_answer_is_over() -> None:
    body = orjson.dumps(REQUEST | {"stream": True, "user": "u" * 2000})
    async with limited(max_body_bytes_in_flight=3000) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.3, chat.ending()))
        first = asyncio.create_task(post(gateway, body))
        await upstream.request()
        assert gateway.app[SERVICES].load.body_bytes == len(body)
        status, _, answer = await post(gateway, body)
        assert (status, orjson.loads(answer)["error"]["code"]) == (503, "server_is_overloaded")
        assert (await first)[0] == 200
        await all_comes_back(gateway)
        assert (await post(gateway, body))[0] == 200


async def test_a_background_response_holds_its_body_too() -> None:
    body = orjson.dumps(REQUEST | {"background": True, "user": "u" * 2000})
    async with limited(max_body_bytes_in_flight=3000) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.2, chat.ending()))
        assert (await post(gateway, body))[0] == 200
        assert gateway.app[SERVICES].load.body_bytes == len(body)
        assert (await post(gateway, body))[0] == 503
        await all_comes_back(gateway)


async def test_what_does_not_arrive_whole_is_given_back() -> None:
    async with limited(max_body_bytes_in_flight=10_000) as (gateway, _):
        async with connection(gateway.port) as (_, writer):
            writer.write(posted(b"x" * 5000)[:-1])
            async with asyncio.timeout(WAIT):
                while gateway.app[SERVICES].load.body_bytes < 4999:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.005)
        await all_comes_back(gateway)


async def test_requests_that_ask_no_model_hold_their_bodies_while_they_last() -> None:
    async with limited(max_body_bytes_in_flight=1000, max_open_streams=1) as (gateway, upstream):
        upstream.answer(ANSWER)
        for _ in range(3):
            assert (await post(gateway, {"metadata": {"a": "x" * 500}}, "/conversations"))[0] == 200
        assert (await post(gateway, {"metadata": {"a": "x" * 1500}}, "/conversations"))[0] == 503
        await all_comes_back(gateway)
