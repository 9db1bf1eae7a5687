"""Real gateway processes that share a database: found, followed, cancelled through another, and left by a kill."""

import asyncio
import contextlib
import itertools
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseInputParam, ResponseStreamEvent

from gateway.codec.json import JSONObject
from tests.clients.sdk_place import MODEL, until_over
from tests.fakes.chat import chunk, ending, text_stream
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.postgresql import PostgresServer
from tests.fakes.upstream import WAIT, Script, Step, Upstream, running_upstream

_names = itertools.count()


@dataclass(slots=True)
class Pair:
    """Two processes, the SDK before each, and the upstream behind both."""

    processes: tuple[GatewayProcess, GatewayProcess]
    first: AsyncOpenAI
    second: AsyncOpenAI
    upstream: Upstream


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> JSONObject:
    """The `[state]` of both processes."""
    if request.param == "sqlite":
        return {"backend": "sqlite", "path": str(tmp_path / "shared.db")}
    server: PostgresServer = request.getfixturevalue("postgres")
    return {"backend": "postgresql", "url": server.new_database(f"shared_{next(_names)}")}


@asynccontextmanager
async def pair(folder: Path, state: JSONObject) -> AsyncIterator[Pair]:
    async with running_upstream() as upstream:
        provider = {"name": "up", "base_url": upstream.base_url}
        folders = [folder / name for name in ("one", "two")]
        for each in folders:
            each.mkdir()
        async with (
            running_gateway(folders[0], [provider], sections={"state": state}) as one,
            running_gateway(folders[1], [provider], sections={"state": state}) as two,
            sdk_of(one) as first,
            sdk_of(two) as second,
        ):
            yield Pair((one, two), first, second, upstream)


def sdk_of(gateway: GatewayProcess) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=2 * WAIT)


def slowly(count: int) -> list[Step]:
    return [step for number in range(count) for step in (chunk({"content": f"{number} "}), 0.05)]


async def end_leases(state: JSONObject) -> None:
    """Makes the database what it is when the leases of a process that is gone have run out."""
    statement = "UPDATE runs SET lease_until = 0"
    if state["backend"] == "postgresql":
        server = await asyncpg.connect(state["url"])
        await server.execute(statement)
        await server.close()
        return
    with contextlib.closing(sqlite3.connect(state["path"], timeout=WAIT)) as file, file:
        file.execute(statement)


async def events_of(sdk: AsyncOpenAI, response_id: str, after: int = -1) -> list[ResponseStreamEvent]:
    stream = await sdk.responses.retrieve(response_id, stream=True, starting_after=after)
    return [event async for event in stream]


async def test_what_one_process_stored_the_other_has_at_once(tmp_path: Path, state: JSONObject) -> None:
    async with pair(tmp_path, state) as two:
        two.upstream.answer(Script.of(text_stream("One")))
        sdks = (two.first, two.second)
        previous: str | None = None
        item_id = ""
        for turn in range(10):  # each turn through the other process, with no pause after the terminal event
            sdk = sdks[turn % 2]
            stream = await sdk.responses.create(model=MODEL, input="Hi", previous_response_id=previous, stream=True)
            async for event in stream:
                if event.type == "response.completed":
                    previous, item_id = event.response.id, str(event.response.output[0].id)
                    break
            assert previous is not None
            elsewhere = sdks[(turn + 1) % 2]
            assert (await elsewhere.responses.retrieve(previous)).output_text == "One"
            reference: ResponseInputParam = [{"type": "item_reference", "id": item_id}]
            await elsewhere.responses.create(model=MODEL, input=reference, store=False)
            assert two.upstream.last.json["messages"] == [{"role": "assistant", "content": "One"}]
        turns = await two.second.responses.input_items.list(str(previous), limit=100)
        assert len(turns.data) == 19
        conversation = await two.first.conversations.create(items=[{"role": "user", "content": "A"}])
        await two.second.responses.create(model=MODEL, input="B", conversation=conversation.id)
        listed = [item async for item in two.first.conversations.items.list(conversation.id)]
        assert len(listed) == 3


async def test_a_stream_goes_on_through_the_other_process_after_every_cut(tmp_path: Path, state: JSONObject) -> None:
    async with pair(tmp_path, state) as two:
        two.upstream.answer(Script.of(*slowly(20), ending()))
        stream = await two.first.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        seen: list[ResponseStreamEvent] = []
        sdks = (two.second, two.first)
        while not seen or seen[-1].type != "response.completed":
            async for event in stream:
                seen.append(event)
                break
            await stream.close()
            if seen[-1].type != "response.completed":
                response_id, after = seen[0].response.id, seen[-1].sequence_number  # type: ignore[union-attr]
                sdk = sdks[len(seen) % 2]
                stream = await sdk.responses.retrieve(response_id, stream=True, starting_after=after)
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert seen[-1].response.output_text == "".join(f"{number} " for number in range(20))
        assert await events_of(two.second, seen[-1].response.id) == seen


async def test_the_other_process_cancels_and_deletes(tmp_path: Path, state: JSONObject) -> None:
    async with pair(tmp_path, state) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        queued = [await two.first.responses.create(model=MODEL, input="Hi", background=True) for _ in range(2)]
        for number in range(2):
            await two.upstream.request(number)
        assert (await two.second.responses.cancel(queued[0].id)).status == "cancelled"
        await two.second.responses.delete(queued[1].id)
        for received in two.upstream.received:
            await received.wait_until_left()


@pytest.mark.case("L4")
async def test_a_process_that_is_killed_leaves_nothing_in_progress(tmp_path: Path, state: JSONObject) -> None:
    async with pair(tmp_path, state) as two:
        two.upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
        stream = await two.first.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        created = await anext(aiter(stream))
        response_id = created.response.id  # type: ignore[union-attr]
        await two.upstream.request()
        following = asyncio.create_task(events_of(two.second, response_id))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(two.processes[0].stop, signal.SIGKILL)
        await stream.close()
        await end_leases(state)
        async with asyncio.timeout(2 * WAIT):
            events = await following
        assert events[-1].type == "response.failed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        failed = await until_over(two.second, response_id)
        assert (failed.status, failed.error is not None) == ("failed", True)
