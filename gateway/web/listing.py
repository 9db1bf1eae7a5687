"""Pages of a list: what is asked for in the query, and the list object that answers it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.codec.json import dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.store.records import Item


class PageQuery(Struct, frozen=True):
    """Which part of a list is wanted: `after` is the id of the last item of the page before."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


def page_of(items: Sequence[Item], query: PageQuery) -> bytes:
    """The list object for a part of the items, which come oldest first.

    Raises:
        GatewayError: INVALID_VALUE when there is no item `after`.
    """
    ordered = list({item.id: item for item in items}.values())
    if query.order == "desc":
        ordered.reverse()
    start = _place_after(ordered, query.after) if query.after is not None else 0
    return list_object(ordered[start : start + query.limit], has_more=len(ordered) > start + query.limit)


def _place_after(items: Sequence[Item], item_id: str) -> int:
    for index, item in enumerate(items):
        if item.id == item_id:
            return index + 1
    raise GatewayError(ErrorKind.INVALID_VALUE, "There is no item with the id in 'after'.", "after")


def list_object(items: Sequence[Item], *, has_more: bool) -> bytes:
    """Items as the API lists them, as JSON."""
    first, last = (dumps(items[0].id), dumps(items[-1].id)) if items else (b"null", b"null")
    return b'{"object":"list","data":[%b],"first_id":%b,"last_id":%b,"has_more":%b}' % (
        b",".join(item.body for item in items),
        first,
        last,
        b"true" if has_more else b"false",
    )
