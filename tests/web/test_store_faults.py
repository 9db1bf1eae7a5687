"""What clients see of a store that is down, slow or full: nothing but that a response is not stored."""

import asyncio

import openai
import pytest

from gateway.store.memory import MemoryStore
from gateway.store.records import Bounds
from tests.clients.sdk_place import MODEL, create, create_text, is_stored, place, until_over
from tests.fakes.chat import chunk, ending, text_stream
from tests.fakes.faulty_store import FaultyStore
from tests.fakes.upstream import Script


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_arrives_whole_and_says_that_it_is_not_stored(stream: bool) -> None:
    faulty = FaultyStore()
    async with place(faulty.store) as there:
        there.answers(text_stream("Hello"))
        stored = await create(there.sdk, stream=stream, input="Hi")
        faulty.is_down = True
        lost = await create(there.sdk, stream=stream, input="Hi")
        assert is_stored(stored) is True
        assert (lost.status, lost.output_text, is_stored(lost)) == ("completed", "Hello", False)
        assert there.gateway.log.entries("a response could not be stored")[0]["reason"] == "it is down"
        faulty.is_down = False
        assert is_stored(await create(there.sdk, stream=stream, input="Hi")) is True


async def test_what_needs_the_store_gets_a_503_and_recovers_by_itself() -> None:
    faulty = FaultyStore()
    async with place(faulty.store) as there:
        made = await create_text(there)
        conversation = await there.sdk.conversations.create()
        faulty.is_down = True
        for needing in (
            there.sdk.responses.create(model=MODEL, input="Hi", previous_response_id=made.id),
            there.sdk.responses.create(model=MODEL, input="Hi", conversation=conversation.id),
            there.sdk.responses.create(model=MODEL, input=[{"type": "item_reference", "id": "msg_1"}]),
            there.sdk.responses.create(model=MODEL, input="Hi", background=True),
            there.sdk.responses.retrieve(made.id),
            there.sdk.responses.delete(made.id),
            there.sdk.conversations.retrieve(conversation.id),
        ):
            with pytest.raises(openai.InternalServerError) as refused:
                await needing
            assert (refused.value.status_code, refused.value.code) == (503, "state_unavailable")
            assert refused.value.response.headers["Retry-After"] == "5"
        faulty.is_down = False
        assert (await there.sdk.responses.retrieve(made.id)).id == made.id


async def test_what_is_not_to_be_stored_never_touches_the_store() -> None:
    faulty = FaultyStore()
    async with place(faulty.store) as there:
        there.answers(text_stream("Hello"))
        await asyncio.sleep(0.05)
        faulty.calls.clear()
        await create(there.sdk, stream=True, input="Hi", store=False)
        assert {"put", "get", "find", "chain"}.isdisjoint(faulty.calls)


async def test_tokens_do_not_wait_for_the_store() -> None:
    faulty = FaultyStore()
    faulty.delay = 0.5
    async with place(faulty.store) as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), chunk({"content": "lo"}), ending()))
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", stream=True)
        times = {event.type: asyncio.get_running_loop().time() async for event in stream}
        assert times["response.completed"] - times["response.output_item.done"] > 0.4
        assert times["response.output_item.done"] - times["response.created"] < 0.4


async def test_a_background_response_is_written_when_the_store_is_back() -> None:
    faulty = FaultyStore()
    async with place(faulty.store) as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), 0.3, chunk({"content": "lo"}), ending()))
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        faulty.is_down = True
        events = [event async for event in stream]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        last = events[-1].response  # type: ignore[union-attr]
        assert (last.status, last.output_text, is_stored(last)) == ("completed", "Hello", False)
        faulty.is_down = False
        assert (await until_over(there.sdk, last.id)).output_text == "Hello"


async def test_what_is_larger_than_the_store_is_answered_and_not_stored() -> None:
    async with place(MemoryStore(Bounds(most_bytes=20_000))) as there:
        there.answers(text_stream("x" * 30_000))
        made = await create(there.sdk, stream=True, input="Hi")
        assert (len(made.output_text), is_stored(made)) == (30_000, False)
        assert is_stored(await create_text(there)) is True
