"""What only the store in memory has to keep."""

import gc

import pytest

from gateway.store.holders import Holders
from gateway.store.memory import MemoryStore
from gateway.store.records import Bounds, Item, Record


@pytest.mark.parametrize("records", [50, 1000])
async def test_the_garbage_collector_follows_no_more_the_more_is_stored(records: int) -> None:
    store = MemoryStore(Bounds())
    gc.collect()
    before = len(gc.get_objects())
    for number in range(records):
        items = [Item(f"msg_{number}_{index}", b"{}") for index in range(4)]
        await store.put(Record("ada", f"resp_{number}", b"{}", 1), items)
        del items
    for _ in range(2):  # the first one finds that tuples refer to nothing that has to be followed
        gc.collect()
    assert len(gc.get_objects()) - before < 30
    assert (await store.usage()).responses == records


def test_holders_are_known_newest_first_and_forgotten_one_by_one() -> None:
    holders = Holders()
    for record_id in ("resp_1", "resp_10", "resp_1"):
        holders.add("msg", record_id)
    assert holders.newest_first("msg") == ["resp_1", "resp_10", "resp_1"]
    holders.remove("msg", "resp_1")
    assert holders.newest_first("msg") == ["resp_1", "resp_10"]
    holders.remove("msg", "resp_10")
    holders.remove("msg", "resp_1")
    assert not holders
    assert holders.newest_first("msg") == []
