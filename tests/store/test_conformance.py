"""What every backend does, in the same way: the tests of the protocol."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.protocol import Store, StoreError
from gateway.store.records import Bounds, Item, Record, StoreUsage, size_of
from tests.fakes.postgresql import PostgresServer
from tests.store.backends import BACKENDS, Place, place_for


@pytest.fixture(params=BACKENDS)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    def postgres() -> PostgresServer:
        server: PostgresServer = request.getfixturevalue("postgres")
        return server

    return place_for(request.param, tmp_path, postgres)


@pytest.fixture
async def store(where: Place) -> AsyncIterator[Store]:
    opened = where.open()
    yield opened
    await opened.close()


def record(name: str = "resp_1", owner: str = "ada", **members: object) -> Record:
    return Record(owner, name, b'{"id":"%b"}' % name.encode(), 5, **members)  # type: ignore[arg-type]


def item(name: str, body: bytes = b"{}", *, is_output: bool = False) -> Item:
    return Item(name, body, is_output)


async def test_a_record_is_there_with_all_its_members_and_items(store: Store) -> None:
    made = Record("ada", "resp_1", b"\x00{}\xff", 5, "resp_0", "completed", is_background=True)
    items = [item("b", b"2"), item("a", b"1", is_output=True), item("c", b"\xf0\x9f\x98\x80\x00")]
    await store.put(made, items)
    assert await store.get("ada", "resp_1") == made
    assert await store.items("ada", "resp_1") == items
    assert await store.get("ada", "resp_2") is None
    assert await store.items("ada", "resp_2") == []


async def test_an_id_belongs_to_one_record_of_an_owner(store: Store) -> None:
    for owner in ("ada", "bob", "", "a'b\";--%_\\"):
        await store.put(record(owner=owner), [item(f"of-{owner}")])
    for owner in ("ada", "bob", "", "a'b\";--%_\\"):
        assert (await store.items(owner, "resp_1")) == [item(f"of-{owner}")]
    await store.delete("bob", "resp_1")
    assert await store.get("ada", "resp_1") is not None


@pytest.mark.parametrize("odd", ["'; DROP TABLE records; --", "%", "\ud800", "ключ", "a\x00b", "x" * 1000])
async def test_ids_of_items_are_any_text(store: Store, odd: str) -> None:
    await store.put(record(), [item(odd, b"1"), item("other", b"2")])
    assert await store.find("ada", [odd]) == {odd: b"1"}
    assert await store.remove("ada", "resp_1", odd)
    assert await store.items("ada", "resp_1") == [item("other", b"2")]


async def test_an_update_replaces_the_head_and_adds_items(store: Store) -> None:
    await store.put(record(status="in_progress"), [item("a")])
    await store.put(record("conv_1"))
    changed = Record("ada", "resp_1", b"new", 5, status="completed")
    assert await store.update(changed, [item("b")], append_to="conv_1")
    assert await store.get("ada", "resp_1") == changed
    assert await store.items("ada", "resp_1") == [item("a"), item("b")]
    assert await store.items("ada", "conv_1") == [item("b")]
    assert not await store.update(record("resp_9"), [item("c")], append_to="conv_1")
    assert await store.items("ada", "conv_1") == [item("b")]


async def test_a_conversation_gets_what_is_appended_in_order(store: Store) -> None:
    await store.put(record("conv_1"))
    assert await store.append("ada", "conv_1", [item("a"), item("b")])
    await store.put(record(), [item("c")], append_to="conv_1")
    await store.put(record("resp_2"), [item("d")], append_to="conv_gone")
    assert await store.items("ada", "conv_1") == [item("a"), item("b"), item("c")]
    assert not await store.append("ada", "conv_9", [item("e")])
    assert not await store.append("bob", "conv_1", [item("e")])


async def test_concurrent_appends_keep_the_order_of_each(store: Store) -> None:
    await store.put(record("conv_1"))
    several = [[item(f"{number}a"), item(f"{number}b")] for number in range(20)]
    await asyncio.gather(*(store.append("ada", "conv_1", items) for items in several))
    ids = [each.id for each in await store.items("ada", "conv_1")]
    assert sorted(ids) == sorted(each.id for items in several for each in items)
    assert all(ids[index + 1] == name[:-1] + "b" for index, name in enumerate(ids) if name.endswith("a"))


async def test_an_item_is_removed_once(store: Store) -> None:
    await store.put(record("conv_1"), [item("a", b"1"), item("b"), item("a", b"2")])
    assert await store.remove("ada", "conv_1", "a")
    assert await store.items("ada", "conv_1") == [item("b"), item("a", b"2")]
    assert not await store.remove("ada", "conv_1", "c")
    assert not await store.remove("bob", "conv_1", "b")


async def test_a_chain_is_oldest_first_and_ends_where_it_must(store: Store) -> None:
    previous = None
    for number in range(5):
        await store.put(record(f"resp_{number}", previous=previous, status="completed"), [item(f"i{number}")])
        previous = f"resp_{number}"
    turns = await store.chain("ada", "resp_4", most=10)
    assert [(turn.id, turn.previous, turn.status) for turn in turns] == [
        (f"resp_{number}", f"resp_{number - 1}" if number else None, "completed") for number in range(5)
    ]
    assert [turn.items for turn in turns] == [(item(f"i{number}"),) for number in range(5)]
    assert [turn.id for turn in await store.chain("ada", "resp_4", most=2)] == ["resp_3", "resp_4"]
    await store.delete("ada", "resp_2")
    assert [turn.id for turn in await store.chain("ada", "resp_4", most=10)] == ["resp_3", "resp_4"]
    assert await store.chain("bob", "resp_4", most=10) == await store.chain("ada", "resp_9", most=10) == []


async def test_a_turn_without_items_is_a_turn(store: Store) -> None:
    await store.put(record("resp_0"))
    await store.put(record("resp_1", previous="resp_0"))
    assert [turn.items for turn in await store.chain("ada", "resp_1", most=9)] == [(), ()]


async def test_the_newest_item_of_an_id_is_found(store: Store) -> None:
    await store.put(record("resp_1"), [item("a", b"old")])
    await store.put(record("conv_1"), [item("a", b"new"), item("b", b"b")])
    assert await store.find("ada", ["a", "b", "c"]) == {"a": b"new", "b": b"b"}
    await store.delete("ada", "conv_1")
    assert await store.find("ada", ["a", "b"]) == {"a": b"old"}
    assert await store.find("bob", ["a"]) == {}
    assert await store.find("ada", []) == {}


async def test_what_is_deleted_is_gone_with_all_that_belongs_to_it(store: Store) -> None:
    await store.begin_run(record(), [item("a")], runner="r", seconds=10)
    await store.log("ada", "resp_1", 0, [b"x"])
    assert await store.delete("ada", "resp_1")
    assert not await store.delete("ada", "resp_1")
    assert await store.find("ada", ["a"]) == {}
    assert await store.logged("ada", "resp_1", 0) == []
    assert not await store.ask_to_cancel("ada", "resp_1")
    assert not await store.end_run(record())
    assert not await store.log("ada", "resp_1", 1, [b"y"])
    assert await store.renew("r", seconds=10) == {}
    assert await store.usage() == StoreUsage(0, 0, 0)


async def test_a_run_is_held_by_its_runner_until_it_ends(store: Store, where: Place) -> None:
    await store.begin_run(record(status="in_progress"), [item("a")], runner="r", seconds=10)
    assert await store.renew("r", seconds=10) == {("ada", "resp_1"): False}
    assert await store.renew("other", seconds=10) == {}
    assert await store.ask_to_cancel("ada", "resp_1")
    assert not await store.ask_to_cancel("bob", "resp_1")
    assert await store.renew("r", seconds=10) == {("ada", "resp_1"): True}
    where.clock.time += 9
    assert await store.abandoned() == []
    where.clock.time += 2
    assert await store.abandoned() == [("ada", "resp_1")]
    await store.renew("r", seconds=10)
    assert await store.abandoned() == []
    assert await store.end_run(record(status="completed"), [item("b", is_output=True)])
    assert not await store.end_run(record(status="failed"))
    stored = await store.get("ada", "resp_1")
    assert stored is not None
    assert stored.status == "completed"
    assert await store.items("ada", "resp_1") == [item("a"), item("b", is_output=True)]


async def test_events_are_read_from_any_number_on(store: Store) -> None:
    await store.begin_run(record(), [], runner="r", seconds=10)
    frames = [b"event %d" % number for number in range(50)]
    assert await store.log("ada", "resp_1", 0, frames[:20])
    assert await store.log("ada", "resp_1", 20, frames[20:])
    assert await store.logged("ada", "resp_1", 0) == frames
    assert await store.logged("ada", "resp_1", 47) == frames[47:]
    assert await store.logged("ada", "resp_1", 50) == await store.logged("bob", "resp_1", 0) == []
    some = await store.logged("ada", "resp_1", 10, most_bytes=25)
    assert some == frames[10 : 10 + len(some)]
    assert 1 <= len(some) < 10
    assert await store.logged("ada", "resp_1", 10, most_bytes=1) == [frames[10]]
    assert await store.log("ada", "resp_1", 48, [b"again"])  # written twice: the last one counts
    assert await store.logged("ada", "resp_1", 47) == [frames[47], b"again"]


async def test_what_is_too_old_is_gone_before_and_after_the_purge(where: Place) -> None:
    store = where.open(Bounds(longest_seconds=1000))
    await store.put(record("resp_1"), [item("a")])
    where.clock.time += 600
    await store.put(record("resp_2", previous="resp_1"), [item("b")])
    await store.chain("ada", "resp_2", most=9)  # both are used
    where.clock.time += 600
    assert await store.get("ada", "resp_1") is not None
    where.clock.time += 600
    for _ in range(2):
        assert await store.get("ada", "resp_1") is None
        assert await store.items("ada", "resp_1") == []
        assert await store.find("ada", ["a"]) == {}
        assert await store.chain("ada", "resp_2", most=9) == []
        assert not await store.append("ada", "resp_1", [item("c")])
        assert not await store.delete("ada", "resp_1")
        while await store.purge():
            pass
    assert await store.usage() == StoreUsage(0, 0, 0)
    await store.close()


async def test_the_oldest_go_first_when_there_is_too_much(where: Place) -> None:
    store = where.open(Bounds(most_records=5))
    for number in range(8):
        where.clock.time += 100
        await store.put(record(f"resp_{number}"), [item(f"i{number}")])
        if number == 3:
            await store.items("ada", "resp_1")  # it counts as used
    while await store.purge():
        pass
    kept = [number for number in range(8) if await store.get("ada", f"resp_{number}") is not None]
    assert len(kept) == 5
    assert kept[-3:] == [5, 6, 7]
    assert 0 not in kept
    await store.close()


async def test_the_bytes_are_bounded_and_counted(where: Place) -> None:
    size = size_of(record("resp_0"), [item("a", b"x" * 1000)])
    store = where.open(Bounds(most_bytes=10 * size))
    for number in range(30):
        where.clock.time += 100
        await store.put(record(f"resp_{number % 10}", owner=f"o{number}"), [item("a", b"x" * 1000)])
    while await store.purge():
        pass
    usage = await store.usage()
    assert (usage.responses, usage.conversations, usage.bytes) == (10, 0, 10 * size)
    with pytest.raises(StoreError):
        await store.put(record("resp_big"), [item("b", b"x" * 20 * size)])
    assert await store.get("ada", "resp_big") is None
    await store.close()


async def test_sizes_follow_every_change(store: Store) -> None:
    await store.put(record("conv_1"), [item("a", b"12345")])
    empty = (await store.usage()).bytes
    await store.append("ada", "conv_1", [item("b", b"12345")])
    await store.remove("ada", "conv_1", "b")
    assert (await store.usage()) == StoreUsage(0, 1, empty)
    await store.update(Record("ada", "conv_1", record("conv_1").head + b"12", 5))
    assert (await store.usage()).bytes == empty + 2
    await store.log("ada", "conv_1", 0, [b"12345", b"12345"])
    logged = (await store.usage()).bytes
    await store.log("ada", "conv_1", 1, [b"54321"])  # in the place of what was there
    assert (await store.usage()).bytes == logged > empty


async def test_two_stores_share_what_is_stored(where: Place) -> None:
    if where.backend == "memory":
        first = second = where.open()
    else:
        first, second = where.open(), where.open()
    await asyncio.gather(*(one.put(record(f"resp_{name}")) for one, name in ((first, 1), (second, 2))))
    for number in range(20):
        writer, reader = (first, second) if number % 2 else (second, first)
        await writer.put(record(f"resp_n{number}"), [item("a")])
        assert await reader.items("ada", f"resp_n{number}") == [item("a")]
    for one in {first, second}:
        await one.close()
