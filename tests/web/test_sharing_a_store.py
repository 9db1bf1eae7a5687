"""Two gateways on one store: whatever one of them began can be found, followed and ended through the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from openai import AsyncOpenAI
from openai.types.responses import ResponseStreamEvent

from gateway.store.memory import MemoryStore
from gateway.store.protocol import Store
from gateway.store.records import Bounds
from tests.clients.sdk_place import MODEL, until_over
from tests.fakes.chat import chunk, ending
from tests.fakes.faulty_store import FaultyStore
from tests.fakes.local_gateway import KEY, LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream


@dataclass(slots=True)
class Pair:
    """Two gateways with the SDK before each, and the upstream behind both."""

    first: AsyncOpenAI
    second: AsyncOpenAI
    gateways: tuple[LocalGateway, LocalGateway]
    upstream: Upstream


@asynccontextmanager
async def pair(store: Store, other_store: Store | None = None) -> AsyncIterator[Pair]:
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), store=store) as one,
        local_gateway(provider(upstream.base_url), store=other_store or store) as other,
        sdk_of(one) as first,
        sdk_of(other) as second,
    ):
        yield Pair(first, second, (one, other), upstream)


def sdk_of(gateway: LocalGateway) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=WAIT)


async def events_of(sdk: AsyncOpenAI, response_id: str) -> list[ResponseStreamEvent]:
    """All events of a response in the background, from the first one to the last."""
    return [event async for event in await sdk.responses.retrieve(response_id, stream=True)]


async def test_events_are_followed_through_the_other_while_they_are_made() -> None:
    async with pair(MemoryStore(Bounds())) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), 0.6, chunk({"content": "lo"}), ending()))
        queued = await two.first.responses.create(model=MODEL, input="Hi", background=True)
        own, elsewhere = await asyncio.gather(events_of(two.first, queued.id), events_of(two.second, queued.id))
        assert elsewhere == own
        assert own[-1].type == "response.completed"
        assert await two.second.responses.retrieve(queued.id) == own[-1].response


async def test_the_other_one_can_cancel_it() -> None:
    async with pair(MemoryStore(Bounds())) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = await two.first.responses.create(model=MODEL, input="Hi", background=True)
        await two.upstream.request()
        assert (await two.second.responses.cancel(queued.id)).status == "cancelled"
        await two.upstream.last.wait_until_left()
        events = await events_of(two.second, queued.id)
        assert events[-1].type == "response.incomplete"
        assert events[-1].response.status == "cancelled"


async def test_the_other_one_can_delete_it() -> None:
    async with pair(MemoryStore(Bounds())) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = await two.first.responses.create(model=MODEL, input="Hi", background=True)
        await two.upstream.request()
        await two.second.responses.delete(queued.id)
        await two.upstream.last.wait_until_left()


async def test_a_response_whose_gateway_is_gone_is_failed_by_the_other() -> None:
    now = 1000.0
    store = MemoryStore(Bounds(), clock=lambda: now)
    cut_off = FaultyStore(store)
    async with pair(cut_off.store, store) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = await two.first.responses.create(model=MODEL, input="Hi", background=True)
        await two.upstream.request()
        await asyncio.sleep(0.3)
        cut_off.is_down = True  # as a process leaves it that is killed: nothing is written any more
        now += 60
        for gateway in two.gateways:  # they share a log
            gateway.log.allowed_errors.add("a background response was left by its process")
        failed = await until_over(two.second, queued.id)
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == "server_error"
        events = await events_of(two.second, queued.id)
        assert events[-1].type == "response.failed"
        assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_a_gateway_that_stops_leaves_nothing_in_progress() -> None:
    store = MemoryStore(Bounds())
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        settings = provider(upstream.base_url)
        async with local_gateway(settings, store=store) as gateway, sdk_of(gateway) as sdk:
            queued = await sdk.responses.create(model=MODEL, input="Hi", background=True)
            await upstream.request()
        async with local_gateway(settings, store=store) as gateway, sdk_of(gateway) as sdk:
            assert (await sdk.responses.retrieve(queued.id)).status == "failed"
            events = await events_of(sdk, queued.id)
            assert events[-1].type == "response.failed"
            assert [event.sequence_number for event in events] == list(range(len(events)))
