"""Which records have an item, kept as texts: the garbage collector looks at none of it."""


class Holders:
    """The records that have an item, for the items of one owner."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        """By item: the ids of the records, each in brackets, the newest last."""

    def __len__(self) -> int:
        return len(self._names)

    def newest_first(self, item_id: str) -> list[str]:
        """The records that have the item."""
        names = self._names.get(item_id)
        return names[1:-1].split("><")[::-1] if names else []

    def add(self, item_id: str, record_id: str) -> None:
        """The record has the item, once more perhaps."""
        self._names[item_id] = f"{self._names.get(item_id, '')}<{record_id}>"

    def remove(self, item_id: str, record_id: str) -> None:
        """The record has the item once less."""
        left = self._names[item_id].replace(f"<{record_id}>", "", 1)
        if left:
            self._names[item_id] = left
        else:
            del self._names[item_id]
