"""The items that a request stands for, each with the place that an error or a loss names."""

from collections.abc import Iterator

from gateway.codec.json import JSONObject
from gateway.spec.requests import CreateRequest

PlacedItem = tuple[str, JSONObject]
"""The place of an item in the request, as `input[3]`, and the item."""


def placed_items(request: CreateRequest) -> list[PlacedItem]:
    """What came before, under the member that named it, then the client's own input."""
    earlier = [(f"{request.history_from}[{index}]", item) for index, item in enumerate(request.history)]
    return earlier + list(_own(request.input))


def item_type(item: JSONObject) -> object:
    """The type of an item; without one it is a message if it has a role, a reference if it has nothing but an id."""
    is_message = "role" in item or "content" in item or "id" not in item
    return item.get("type") or ("message" if is_message else "item_reference")


def _own(source: str | list[JSONObject] | None) -> Iterator[PlacedItem]:
    """A plain string is one message of the user."""
    if isinstance(source, str):
        if source:
            yield "input", {"type": "message", "role": "user", "content": source}
        return
    for index, item in enumerate(source or []):
        yield f"input[{index}]", item
