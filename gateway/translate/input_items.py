"""The items that a request stands for, each with the place that an error or a loss names."""

from collections.abc import Sequence

from gateway.codec.json import JSONObject
from gateway.spec.requests import CreateRequest

PlacedItem = tuple[str, JSONObject]
"""The place of an item in the request, as `input[3]`, and the item."""


def text_alone(request: CreateRequest) -> str:
    """The input where it is nothing but a text of the user, as `placed_items` would have it; else an empty one."""
    return request.input if isinstance(request.input, str) and not request.history else ""


def placed_items(request: CreateRequest) -> list[PlacedItem]:
    """What came before, under the member that named it, then the client's own input."""
    own = _own(request.input)
    if not request.history:
        return own
    return [(f"{request.history_from}[{index}]", item) for index, item in enumerate(request.history)] + own


_SPECIAL = frozenset({"additional_tools", "compaction_trigger", "configuration_update", "tool_search_output"})
"""The types of items that say something about the request, beside or instead of being a piece of the history."""


def special_items(items: Sequence[PlacedItem]) -> list[PlacedItem]:
    """Those of these types, in order: few requests have any, and each of them is looked for in another place."""
    return [(at, item) for at, item in items if isinstance(kind := item.get("type"), str) and kind in _SPECIAL]


def item_type(item: JSONObject) -> object:
    """The type of an item; without one it is a message if it has a role, a reference if it has nothing but an id."""
    is_message = "role" in item or "content" in item or "id" not in item
    return item.get("type") or ("message" if is_message else "item_reference")


def _own(source: str | list[JSONObject] | None) -> list[PlacedItem]:
    """A plain string is one message of the user."""
    if isinstance(source, str):
        return [("input", {"type": "message", "role": "user", "content": source})] if source else []
    return [(f"input[{index}]", item) for index, item in enumerate(source or [])]
