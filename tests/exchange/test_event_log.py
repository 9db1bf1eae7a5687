import asyncio

import pytest

from gateway.codec.sse import frame
from gateway.exchange import event_log
from gateway.exchange.event_log import EventLog
from gateway.store.memory import MemoryStore
from gateway.store.protocol import StoreError
from gateway.store.records import Bounds, Record
from tests.fakes.faulty_store import FaultyStore

FRAMES = [frame("keepalive", b'{"type":"keepalive","sequence_number":%d}' % number) for number in range(20)]


@pytest.fixture
async def faulty() -> FaultyStore:
    store = MemoryStore(Bounds())
    await store.begin_run(Record("ada", "resp_1", b"{}", 1), [], runner="r", seconds=10)
    return FaultyStore(store)


async def all_of(log: EventLog, first: int = 0) -> bytes:
    return b"".join([frames async for frames in log.follow(first)])


async def test_any_number_of_clients_follow_from_any_event(faulty: FaultyStore) -> None:
    log = EventLog(faulty.store, "ada", "resp_1")
    following = [asyncio.create_task(all_of(log, first)) for first in range(len(FRAMES))]
    await log.start(FRAMES[0] + FRAMES[1], [])
    for index, one in enumerate(FRAMES[2:]):
        await log.write(one)
        if index % 3 == 0:
            await log.flush()
        await asyncio.sleep(0)
    await log.write(b"data: [DONE]\n\n")
    await log.finish()
    await log.flush()
    for first, task in enumerate(following):
        assert await task == b"".join(FRAMES[first:])
    assert await all_of(log) == b"".join(FRAMES)  # from the store by now
    assert await faulty.inner.logged("ada", "resp_1", 0) == FRAMES


async def test_what_could_not_be_written_is_written_later(faulty: FaultyStore) -> None:
    log = EventLog(faulty.store, "ada", "resp_1")
    faulty.is_down = True
    await log.write(FRAMES[0])
    await log.flush()
    faulty.is_down = False
    await log.write(FRAMES[1])
    await log.flush()
    assert await faulty.inner.logged("ada", "resp_1", 0) == FRAMES[:2]


async def test_a_store_that_stays_down_does_not_fill_the_memory(
    faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "_MOST_TAIL_BYTES", len(FRAMES[0]) * 3)
    log = EventLog(faulty.store, "ada", "resp_1")
    faulty.is_down = True
    for one in FRAMES[:9]:
        await log.write(one)
    await log.finish()
    assert await all_of(log, 6) == b"".join(FRAMES[6:9])
    with pytest.raises(StoreError):
        await all_of(log, 0)
