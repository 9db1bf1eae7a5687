"""The scripted upstream does what its script says, and notices who left."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.chat import text_stream
from tests.fakes.upstream import Script, Upstream, running_upstream


@pytest.fixture
async def scripted() -> AsyncIterator[Upstream]:
    async with running_upstream() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


async def test_scripts_are_used_in_order_and_the_last_one_stays(
    scripted: Upstream, session: aiohttp.ClientSession
) -> None:
    scripted.answer(Script.json({"n": 1}, status=429, headers={"Retry-After": "7"}), Script.of(text_stream("hi")))
    statuses, bodies = [], []
    for number in range(3):
        async with session.post(f"{scripted.base_url}/chat/completions", json={"number": number}) as answer:
            statuses.append(answer.status)
            bodies.append(await answer.read())
    assert statuses == [429, 200, 200]
    assert bodies == [b'{"n":1}', text_stream("hi"), text_stream("hi")]
    assert [received.json["number"] for received in scripted.received] == [0, 1, 2]
    assert scripted.last.finished.is_set()
    assert not scripted.last.left.is_set()


async def test_a_responder_sees_the_request_and_chooses_the_script(
    scripted: Upstream, session: aiohttp.ClientSession
) -> None:
    scripted.respond(lambda request: Script.json({"twice": 2 * request["number"]}))
    answers = []
    for number in (3, 4):
        async with session.post(f"{scripted.base_url}/chat/completions", json={"number": number}) as answer:
            answers.append(await answer.read())
    assert answers == [b'{"twice":6}', b'{"twice":8}']


@pytest.mark.parametrize("ending", ["cut", "reset"])
async def test_a_broken_stream_has_no_end(scripted: Upstream, session: aiohttp.ClientSession, ending: str) -> None:
    scripted.answer(Script.of(b"data: {}\n\n", 0.01, "cut" if ending == "cut" else "reset"))
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
        async with session.post(f"{scripted.base_url}/chat/completions") as answer:
            await answer.read()


async def test_it_notices_that_its_client_left(scripted: Upstream, session: aiohttp.ClientSession) -> None:
    scripted.answer(Script.of("headers", "hang"))
    async with session.post(f"{scripted.base_url}/chat/completions") as answer:
        assert answer.status == 200
        received = await scripted.request()
        assert not received.left.is_set()
        answer.close()
    await received.wait_until_left()


async def test_it_can_stay_silent_before_the_head(scripted: Upstream, session: aiohttp.ClientSession) -> None:
    scripted.answer(Script.of("hang"))
    post = asyncio.ensure_future(session.post(f"{scripted.base_url}/chat/completions", json={}))
    received = await scripted.request()
    assert not post.done()
    post.cancel()
    await received.wait_until_left()


async def test_it_lists_its_models(scripted: Upstream, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{scripted.base_url}/models") as answer:
        assert [model["id"] for model in (await answer.json())["data"]] == scripted.models
