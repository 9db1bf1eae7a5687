import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.json import JSONObject
from gateway.errors import GatewayError
from gateway.store.records import Item
from gateway.web.listing import PageQuery, page_of


def items_of(*ids: str) -> list[Item]:
    return [Item(name, orjson.dumps({"id": name})) for name in ids]


def page(items: list[Item], **query: object) -> JSONObject:
    return dict(orjson.loads(page_of(items, PageQuery(**query))))  # type: ignore[arg-type]


def test_the_newest_come_first_unless_asked_otherwise() -> None:
    items = items_of("a", "b", "c")
    assert page(items) == {
        "object": "list",
        "data": [{"id": "c"}, {"id": "b"}, {"id": "a"}],
        "first_id": "c",
        "last_id": "a",
        "has_more": False,
    }
    assert [item["id"] for item in page(items, order="asc", limit=2)["data"]] == ["a", "b"]
    assert page([]) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@given(st.integers(0, 30), st.integers(1, 9), st.sampled_from(["asc", "desc"]))
def test_all_pages_together_are_the_list(count: int, limit: int, order: str) -> None:
    items = items_of(*map(str, range(count)))
    seen: list[str] = []
    after = None
    while True:
        found = page(items, order=order, limit=limit, after=after)
        seen += [item["id"] for item in found["data"]]
        if not found["has_more"]:
            break
        after = found["last_id"]
    assert seen == [item.id for item in (items if order == "asc" else items[::-1])]


def test_an_item_that_a_client_has_sent_again_is_listed_once() -> None:
    assert [item["id"] for item in page(items_of("a", "b", "a", "c"), order="asc")["data"]] == ["a", "b", "c"]


def test_a_cursor_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(GatewayError) as refused:
        page(items_of("a"), after="b")
    assert (refused.value.status, refused.value.param) == (400, "after")
