"""Faults of stored state (D) as clients see them; those of the databases by themselves are in tests/store."""

import asyncio
import contextlib
import signal
import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import openai
import pytest
from openai import AsyncOpenAI

from gateway.access.keys import KeyStore
from gateway.codec.json import JSONObject, dumps
from gateway.store.guard import GuardedDatabase
from gateway.store.memory import MemoryStore
from gateway.store.protocol import Store
from gateway.store.records import Bounds, Item, Record
from gateway.store.sql import SQLStore
from gateway.store.sqlite import SqliteDatabase
from gateway.store.sqlite_file import prepare
from tests.clients.sdk_place import MODEL, Place, create, is_stored, place, until_over
from tests.fakes.chat import chunk, ending, text_stream
from tests.fakes.full_disk import files_no_larger_than
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.local_gateway import local_gateway, provider
from tests.fakes.postgresql import PostgresServer
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.pauses import watched
from tests.store.backends import BACKENDS, place_for

TURNS = 1000


def sqlite_store(path: Path) -> Store:
    prepare(path, set_aside=False, seconds=2)
    return SQLStore(GuardedDatabase(SqliteDatabase(path, seconds=2), seconds=2), Bounds())


@pytest.mark.case("D1")
async def test_d1_a_full_disk_costs_nothing_but_the_storing(tmp_path: Path) -> None:
    async with place(sqlite_store(tmp_path / "responses.db")) as there:
        there.gateway.log.allowed_errors |= {"the store cannot be used", "the store works again"}
        there.answers(text_stream("x" * 50_000))
        with files_no_larger_than(300_000):
            made = [await create(there.sdk, stream=True, input="Hi") for _ in range(20)]
            unstored = [await create(there.sdk, stream=True, input="Hi", store=False) for _ in range(5)]
        assert {len(response.output_text) for response in [*made, *unstored]} == {50_000}
        assert [is_stored(response) for response in made[-10:]] == [False] * 10
        assert len(there.gateway.log.entries("the store cannot be used")) == 1
        await _until_stored(there)
        assert len(there.gateway.log.entries("the store works again")) == 1


async def _until_stored(there: Place) -> None:
    async with asyncio.timeout(30):
        while True:
            if is_stored(await create(there.sdk, stream=False, input="Hi")):
                return
            await asyncio.sleep(0.1)


@pytest.mark.alone
@pytest.mark.case("D2")
async def test_d2_a_locked_database_holds_up_no_token(tmp_path: Path, figures: Figures) -> None:
    path = tmp_path / "responses.db"
    async with running_upstream() as upstream:
        upstream.answer(Script.of(text_stream("Hel", "lo")))
        up = [{"name": "up", "base_url": upstream.base_url}]
        async with running_gateway(tmp_path, up, sections=state(path)) as gateway, sdk_of(gateway) as sdk:
            assert (await _timed(sdk)).is_stored is True
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with watched(gateway.port) as pause:
                    first, second = [await asyncio.gather(*(_timed(sdk) for _ in range(20))) for _ in range(2)]
                other.execute("ROLLBACK")
            async with asyncio.timeout(30):
                while True:
                    if (await _timed(sdk)).is_stored:
                        break
                    await asyncio.sleep(0.1)
            await asyncio.to_thread(gateway.stop_cleanly)
    figures.note("D2", "longest pause of the loop while it is locked", pause.longest * 1000, "ms")
    assert pause.longest < 0.5
    assert {timed.is_stored for timed in [*first, *second]} == {False}
    assert max(timed.token for timed in [*first, *second]) < 1.5
    assert max(timed.end for timed in first) < 5  # the limit of the store, and room for a busy machine
    assert max(timed.end for timed in second) < 1.5  # it is left alone now


@dataclass(frozen=True, slots=True)
class Timed:
    """A streamed answer: seconds until its last token and its end, and whether it says that it is stored."""

    token: float
    end: float
    is_stored: object


async def _timed(sdk: AsyncOpenAI) -> Timed:
    started, token, stored = time.monotonic(), 0.0, None
    async for event in await sdk.responses.create(model=MODEL, input="Hi", stream=True):
        if event.type == "response.output_text.delta":
            token = time.monotonic() - started
        elif event.type == "response.completed":
            stored = is_stored(event.response)
    return Timed(token, time.monotonic() - started, stored)


@pytest.mark.case("D6")
@pytest.mark.parametrize("backend", BACKENDS)
async def test_d6_a_long_chain_is_continued_and_a_longer_one_refused(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest, figures: Figures
) -> None:
    def postgres() -> PostgresServer:
        server: PostgresServer = request.getfixturevalue("postgres")
        return server

    where = place_for(backend, tmp_path, postgres)
    store = where.open()
    names = [f"resp_{number:048x}" for number in range(TURNS + 1)]
    for number, name in enumerate(names):
        previous = names[number - 1] if number else None
        items = [
            message(f"msg_in_{number}", "user", "input_text"),
            message(f"msg_out_{number}", "assistant", "output_text"),
        ]
        await store.put(Record("", name, b"{}", 1, previous, "completed"), items)
    if backend == "postgresql":
        await count_rows(where.url)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert len(await store.chain("", names[TURNS - 1], most=TURNS)) == TURNS
        took.append(time.perf_counter() - started)
    figures.note("D6", f"to read it, {backend}", statistics.median(took) * 1000, "ms")
    assert statistics.median(took) < 1
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), keys=KeyStore(None, None), store=store) as gateway,
        AsyncOpenAI(base_url=gateway.base_url, api_key="none", max_retries=0, timeout=WAIT) as sdk,
    ):
        upstream.answer(Script.of(text_stream("Hello")))
        await sdk.responses.create(model=MODEL, input="Hi", previous_response_id=names[TURNS - 1], store=False)
        assert len(upstream.last.json["messages"]) == 2 * TURNS + 1
        with pytest.raises(openai.BadRequestError, match="more than 1000"):
            await sdk.responses.create(model=MODEL, input="Hi", previous_response_id=names[TURNS])


async def count_rows(url: str) -> None:
    """What a server does by itself within a minute; before it, it reads a chain in the wrong order."""
    connection = await asyncpg.connect(url)
    await connection.execute("ANALYZE")
    await connection.close()


def message(name: str, role: str, part: str) -> Item:
    body: JSONObject = {"id": name, "type": "message", "role": role, "content": [{"type": part, "text": name}]}
    return Item(name, dumps(body), is_output=role == "assistant")


@pytest.mark.case("D7")
async def test_d7_what_is_deleted_while_it_is_made_does_not_come_back() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), 0.3, chunk({"content": "lo"}), ending()))
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        created = await anext(aiter(stream))
        response_id = created.response.id  # type: ignore[union-attr]
        await there.upstream.request()
        await there.sdk.responses.delete(response_id)
        rest = [event async for event in stream]
        assert rest[-1].type == "response.incomplete"
        assert is_stored(rest[-1].response) is False
        await there.upstream.last.wait_until_finished()
        await there.gateway.wait_for_requests(0)
        for _ in range(3):
            with pytest.raises(openai.NotFoundError):
                await there.sdk.responses.retrieve(response_id)
            await asyncio.sleep(0.1)


@pytest.mark.case("D7")
async def test_d7_a_streamed_response_is_unknown_until_it_is_over() -> None:
    async with place() as there:
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), 0.3, chunk({"content": "lo"}), ending()))
        stream = await there.sdk.responses.create(model=MODEL, input="Hi", stream=True)
        created = await anext(aiter(stream))
        response_id = created.response.id  # type: ignore[union-attr]
        for use in (there.sdk.responses.delete, there.sdk.responses.cancel, there.sdk.responses.retrieve):
            with pytest.raises(openai.NotFoundError):
                await use(response_id)
        rest = [event async for event in stream]
        assert rest[-1].type == "response.completed"
        assert (await there.sdk.responses.retrieve(response_id)).output_text == "Hello"


@pytest.mark.alone
@pytest.mark.case("T4")
async def test_t4_another_owners_id_takes_as_long_as_one_that_never_was(figures: Figures) -> None:
    keys = KeyStore(None, "key-of-ada,key-of-bob")
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url), keys=keys, store=MemoryStore(Bounds())) as gateway,
        AsyncOpenAI(base_url=gateway.base_url, api_key="key-of-ada", max_retries=0, timeout=WAIT) as ada,
        aiohttp.ClientSession(headers={"Authorization": "Bearer key-of-bob"}) as bob,
    ):
        upstream.answer(Script.of(text_stream("Hello")))
        real = (await ada.responses.create(model=MODEL, input="Hi")).id
        took: dict[str, list[float]] = {real: [], f"resp_{'0' * 48}": []}
        for _ in range(400):
            for name, seconds in took.items():
                started = time.perf_counter()
                async with bob.get(f"{gateway.base_url}/responses/{name}") as answer:
                    assert answer.status == 404
                seconds.append(time.perf_counter() - started)
        one, other = (statistics.median(seconds) for seconds in took.values())
    figures.note("T4", "medians apart", abs(one - other) * 1e6, "µs")
    assert abs(one - other) < max(0.1 * other, 100e-6)


def state(path: Path) -> JSONObject:
    return {"state": {"backend": "sqlite", "path": str(path)}, "server": {"drain_seconds": 2}}


def sdk_of(gateway: GatewayProcess) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=WAIT)


def by_prompt(request: JSONObject) -> Script:
    """A short answer to "short", and none that ends to anything else."""
    begun = chunk({"content": "Hel"})
    if request["messages"][-1]["content"] == "short":
        return Script.of(begun, 1.0, chunk({"content": "lo"}), ending())
    return Script.of(begun, "hang")


async def _in_background(sdk: AsyncOpenAI, upstream: Upstream, *prompts: str) -> list[str]:
    made = [(await sdk.responses.create(model=MODEL, input=prompt, background=True)).id for prompt in prompts]
    await upstream.request(len(prompts) - 1)
    return made


@pytest.mark.case("L1")
async def test_a_process_that_stops_lets_the_background_end_or_says_that_it_did_not(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    async with running_upstream() as upstream:
        upstream.respond(by_prompt)
        up = [{"name": "up", "base_url": upstream.base_url}]
        async with running_gateway(tmp_path, up, sections=state(path)) as gateway, sdk_of(gateway) as sdk:
            short, endless = await _in_background(sdk, upstream, "short", "endless")
            assert await asyncio.to_thread(gateway.stop) == 0
        async with running_gateway(tmp_path, up, sections=state(path)) as gateway, sdk_of(gateway) as sdk:
            done, cut = [await sdk.responses.retrieve(name) for name in (short, endless)]
            assert (done.status, done.output_text) == ("completed", "Hello")
            assert (cut.status, cut.output_text, cut.error is not None) == ("failed", "Hel", True)
            await asyncio.to_thread(gateway.stop_cleanly)


@pytest.mark.case("L4")
async def test_what_a_killed_process_left_is_failed_when_it_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "responses.db"
    async with running_upstream() as upstream:
        upstream.respond(by_prompt)
        up = [{"name": "up", "base_url": upstream.base_url}]
        async with running_gateway(tmp_path, up, sections=state(path)) as gateway, sdk_of(gateway) as sdk:
            (endless,) = await _in_background(sdk, upstream, "endless")
            await asyncio.sleep(0.5)  # its first events are stored
            await asyncio.to_thread(gateway.stop, signal.SIGKILL)
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            connection.execute("UPDATE runs SET lease_until = 0")  # as it is a while later
        async with running_gateway(tmp_path, up, sections=state(path)) as gateway, sdk_of(gateway) as sdk:
            started = time.monotonic()
            failed = await until_over(sdk, endless)
            assert time.monotonic() - started < 5
            assert (failed.status, failed.error is not None) == ("failed", True)
            events = [event async for event in await sdk.responses.retrieve(endless, stream=True)]
            assert [event.sequence_number for event in events] == list(range(len(events)))
            assert events[-1].type == "response.failed"
