"""The official Python SDK on responses in the background: polled, cancelled, deleted, and followed from any event on."""

import openai
import pytest
from openai.types.responses import ResponseStreamEvent

from tests.clients.sdk_place import MODEL, create_text, place, until_over
from tests.fakes.chat import chunk, ending, text_stream
from tests.fakes.upstream import Script, Step


async def test_a_background_response_is_polled_to_its_end() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), 0.2, text_stream("lo")))
        queued = await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        assert (queued.status, queued.background, queued.output) == ("queued", True, [])
        assert (await there.sdk.responses.retrieve(queued.id)).status == "in_progress"
        with pytest.raises(openai.BadRequestError, match="still being made"):
            await there.sdk.responses.create(model=MODEL, input="More", previous_response_id=queued.id)
        done = await until_over(there.sdk, queued.id)
        assert (done.status, done.output_text) == ("completed", "Hello")
        assert await there.sdk.responses.cancel(queued.id) == done
        await there.sdk.responses.create(model=MODEL, input="More", previous_response_id=queued.id)
        assert there.sent == ["Hi", "Hello", "More"]


async def test_a_background_response_is_cancelled() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        await there.upstream.request()
        cancelled = await there.sdk.responses.cancel(queued.id)
        assert cancelled.status == "cancelled"
        await there.upstream.last.wait_until_left()
        assert (await there.sdk.responses.retrieve(queued.id)).status == "cancelled"
        foreground = await create_text(there)
        with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
            await there.sdk.responses.cancel(foreground.id)


async def test_a_background_response_that_is_deleted_is_stopped() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        await there.upstream.request()
        await there.sdk.responses.delete(queued.id)
        await there.upstream.last.wait_until_left()
        with pytest.raises(openai.NotFoundError):
            await there.sdk.responses.retrieve(queued.id)


def slowly(*pieces: str) -> list[Step]:
    """Steps that give the pieces with a pause after each."""
    return [step for piece in pieces for step in (chunk({"content": piece}), 0.02)]


async def test_a_stream_in_the_background_is_taken_up_after_every_event() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(*slowly("Hel", "lo", ", wor", "ld"), ending()))
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        whole = [event async for event in stream]
        assert [event.type for event in whole[:3]] == ["response.created", "response.queued", "response.in_progress"]
        assert [event.sequence_number for event in whole] == list(range(len(whole)))
        response_id = whole[0].response.id  # type: ignore[union-attr]
        for event in whole:
            rest = await there.sdk.responses.retrieve(response_id, stream=True, starting_after=event.sequence_number)
            assert [later async for later in rest] == whole[event.sequence_number + 1 :]


async def test_a_connection_cut_at_every_event_loses_nothing() -> None:
    pieces = [f"{number} " for number in range(12)]
    async with place() as there:
        there.upstream.answer(Script.of(*slowly(*pieces), ending()))
        seen: list[ResponseStreamEvent] = []
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        while not seen or seen[-1].type != "response.completed":
            async for event in stream:
                seen.append(event)
                break
            await stream.close()
            response_id = seen[0].response.id  # type: ignore[union-attr]
            if seen[-1].type != "response.completed":
                stream = await there.sdk.responses.retrieve(
                    response_id, stream=True, starting_after=seen[-1].sequence_number
                )
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert seen[-1].response.output_text == "".join(pieces)
        assert len(there.upstream.received) == 1


async def test_the_helper_takes_up_a_background_stream() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(*slowly("Hel", "lo"), ending()))
        queued = await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        async with there.sdk.responses.stream(response_id=queued.id, starting_after=3) as stream:
            numbers = [event.sequence_number async for event in stream]
            final = await stream.get_final_response()
        assert numbers[0] > 3
        assert final.output_text == "Hello"


async def test_a_foreground_response_cannot_be_streamed_again() -> None:
    async with place() as there:
        made = await create_text(there)
        with pytest.raises(openai.BadRequestError) as refused:
            await there.sdk.responses.retrieve(made.id, stream=True)
        assert refused.value.param == "stream"


async def test_a_failure_in_the_background_is_found() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), "cut"))
        queued = await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        failed = await until_over(there.sdk, queued.id)
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.output_text == "Hel"


async def test_background_without_storing_is_refused() -> None:
    async with place() as there:
        with pytest.raises(openai.BadRequestError) as refused:
            await there.sdk.responses.create(model=MODEL, input="Hi", background=True, store=False)
        assert refused.value.param == "store"


async def test_only_so_many_run_in_the_background() -> None:
    async with place(max_background_per_key=2) as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        for _ in range(2):
            await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
        with pytest.raises(openai.RateLimitError):
            await there.sdk.responses.create(model=MODEL, input="Hi", background=True)
