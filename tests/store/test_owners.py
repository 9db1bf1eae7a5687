"""Whatever one owner asks, in whatever order: not a byte of another's is in any answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.protocol import Store
from gateway.store.records import Item, Record
from tests.fakes.postgresql import PostgresServer
from tests.store.backends import BACKENDS, place_for

IDS = ["resp_1", "resp_2", "conv_1", "conv_2"]
ITEMS = ["a", "b"]
CALLS = st.tuples(
    st.sampled_from(["ada", "bob"]),
    st.sampled_from(
        [
            "put",
            "update",
            "delete",
            "items",
            "chain",
            "find",
            "append",
            "remove",
            "begin",
            "end",
            "log",
            "logged",
            "get",
        ]
    ),
    st.sampled_from(IDS),
    st.sampled_from(IDS),
    st.sampled_from(ITEMS),
)


Call = tuple[str, str, str, str, str]


async def answer_to(store: Store, asked: Call) -> object:
    """The answer to one call of an owner, in whose texts the owner's name is."""
    owner, method, name, other, item_id = asked
    mark = f"text of {owner}".encode()
    record = Record(owner, name, mark, 1, other if other != name else None, "completed")
    items, beside = [Item(item_id, mark)], other if other != name else None
    if method in ("put", "begin") and await store.get(owner, name) is not None:
        return None
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "put": lambda: store.put(record, items, append_to=beside),
        "begin": lambda: store.begin_run(record, items, runner="r", seconds=10),
        "update": lambda: store.update(record, items, append_to=beside),
        "end": lambda: store.end_run(record, items),
        "delete": lambda: store.delete(owner, name),
        "get": lambda: store.get(owner, name),
        "items": lambda: store.items(owner, name),
        "chain": lambda: store.chain(owner, name, most=10),
        "find": lambda: store.find(owner, ITEMS),
        "append": lambda: store.append(owner, name, items),
        "remove": lambda: store.remove(owner, name, item_id),
        "log": lambda: store.log(owner, name, 0, [mark]),
        "logged": lambda: store.logged(owner, name, 0),
    }
    return await calls[method]()


async def answers(store: Store, calls: list[Call]) -> list[tuple[str, str]]:
    try:
        return [(each[0], repr(await answer_to(store, each))) for each in calls]
    finally:
        await store.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_sequence_of_calls_shows_what_is_anothers(backend: str, request: pytest.FixtureRequest) -> None:
    def postgres() -> PostgresServer:
        server: PostgresServer = request.getfixturevalue("postgres")
        return server

    @settings(max_examples=40 if backend != "memory" else 300, suppress_health_check=list(HealthCheck))
    @given(st.lists(CALLS, max_size=30))
    def check(calls: list[Call]) -> None:
        with TemporaryDirectory() as folder:
            place = place_for(backend, Path(folder), postgres)
            both = asyncio.run(answers(place.open(), calls))
        alone = {}
        for owner, stranger in (("ada", "bob"), ("bob", "ada")):
            mine = [each for each in calls if each[0] == owner]
            with TemporaryDirectory() as folder:
                alone[owner] = asyncio.run(answers(place_for("memory", Path(folder), postgres).open(), mine))
            assert all(f"text of {stranger}" not in answer for whose, answer in both if whose == owner)
            # What the other one does makes no difference at all, and each backend answers as the one in memory.
            assert [each for each in both if each[0] == owner] == alone[owner]

    check()
