import asyncio

import orjson
from msgspec.structs import replace

from gateway.codec.sse import frame
from gateway.exchange.following import body_of, ended, follow, terminal_frame
from gateway.store.memory import MemoryStore
from gateway.store.records import Bounds, Item, Record

RECORD = Record("ada", "resp_1", b'{"id":"resp_1","status":"in_progress"}', 1, status="in_progress", is_background=True)
CREATED = frame("response.created", b'{"type":"response.created","sequence_number":0}')
DELTA = frame("response.output_text.delta", b'{"type":"response.output_text.delta","sequence_number":1}')
COMPLETED = frame("response.completed", b'{"type":"response.completed","sequence_number":2}')
DONE = replace(RECORD, head=b'{"id":"resp_1","status":"completed"}', status="completed")


async def running(*frames: bytes) -> MemoryStore:
    """A store with a run that has these events."""
    store = MemoryStore(Bounds())
    await store.begin_run(RECORD, [Item("msg_1", b'{"id":"msg_1"}')], runner="r", seconds=10)
    await store.log("ada", "resp_1", 0, frames)
    return store


async def followed(store: MemoryStore, first: int = 0) -> bytes:
    async with asyncio.timeout(10):
        return b"".join([frames async for frames in follow(store, RECORD, first)])


async def test_events_are_followed_until_the_terminal_one() -> None:
    store = await running(CREATED)
    following = asyncio.create_task(followed(store))
    await asyncio.sleep(0.05)
    await store.log("ada", "resp_1", 1, [DELTA, COMPLETED])
    assert await following == CREATED + DELTA + COMPLETED
    assert await followed(store, 2) == COMPLETED


async def test_the_end_is_told_when_its_event_was_never_written() -> None:
    store = await running(CREATED, DELTA)
    await store.end_run(DONE, [Item("msg_2", b'{"id":"msg_2"}', is_output=True)])
    event = orjson.loads((await followed(store)).split(b"data: ")[-1])
    assert event["type"] == "response.completed"
    assert event["sequence_number"] == 2
    assert event["response"]["output"] == [{"id": "msg_2"}]


async def test_who_has_seen_the_end_gets_nothing_more() -> None:
    store = await running(CREATED, DELTA, COMPLETED)
    await store.end_run(DONE)
    assert await followed(store, 3) == await followed(store, 99) == b""


async def test_a_response_that_is_deleted_ends_as_cancelled() -> None:
    store = await running(CREATED)
    following = asyncio.create_task(followed(store))
    await asyncio.sleep(0.05)
    await store.delete("ada", "resp_1")
    event = orjson.loads((await following).split(b"data: ")[-1])
    assert (event["type"], event["response"]["status"]) == ("response.incomplete", "cancelled")


async def test_the_body_has_the_output_and_not_the_input() -> None:
    store = await running()
    await store.end_run(DONE, [Item("msg_2", b'{"id":"msg_2"}', is_output=True)])
    assert orjson.loads(await body_of(store, DONE)) == {
        "id": "resp_1",
        "status": "completed",
        "output": [{"id": "msg_2"}],
    }


def test_an_end_changes_status_and_members() -> None:
    failed = ended(RECORD, "failed", error={"code": "server_error"})
    assert failed.status == "failed"
    assert orjson.loads(failed.head) == {"id": "resp_1", "status": "failed", "error": {"code": "server_error"}}
    assert terminal_frame(failed.head, 7).startswith(b"event: response.failed\n")
