"""What is stored, as plain data: records with their items, and how much of it there may be.

A record is a response or a conversation. Its `head` is the JSON object that a client reads, without its items; the
store looks into neither. Whoever owns a record is part of its name, everywhere.

Items and records are structs that the garbage collector does not look at: the memory of a process may hold hundreds of
thousands, and they refer to nothing but texts and numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct


class Item(Struct, frozen=True, gc=False):
    """One item of a record.

    Args:
        id: what it can be found by; two records of one owner may have an item of the same id.
        body: the JSON object, with its id in it.
        is_output: whether a model made it.
    """

    id: str
    body: bytes
    is_output: bool = False


class Record(Struct, frozen=True, gc=False):
    """A response or a conversation.

    Args:
        owner: whose it is; the same id of another owner is another record.
        id: `resp_...` or `conv_...`.
        head: its JSON object, without its items.
        created_at: seconds since the epoch.
        previous: the response that this one continues.
        status: of a response, as in the API.
        is_background: whether it runs apart from the request that asked for it.
    """

    owner: str
    id: str
    head: bytes
    created_at: int
    previous: str | None = None
    status: str = ""
    is_background: bool = False


def is_conversation(record_id: str) -> bool:
    """Whether it is the id of a conversation."""
    return record_id.startswith("conv_")


@dataclass(frozen=True, slots=True)
class Turn:
    """One response of a chain, with its own items in order; `previous` names the turn before it."""

    id: str
    previous: str | None
    status: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be stored: bytes, records, and seconds since a record was last made, changed or continued.

    0 is no bound.
    """

    most_bytes: int = 0
    most_records: int = 0
    longest_seconds: float = 0


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """What is stored: the bytes are those of heads, items and logged events."""

    responses: int = 0
    conversations: int = 0
    bytes: int = 0


RECORD_OVERHEAD_BYTES = 512
"""What a record takes beside its texts: bounds in bytes must hold for many small ones too."""

ITEM_OVERHEAD_BYTES = 256
EVENT_OVERHEAD_BYTES = 64


def size_of(record: Record, items: Sequence[Item]) -> int:
    """The bytes that count for a record with these items."""
    return RECORD_OVERHEAD_BYTES + len(record.head) + size_of_items(items)


def size_of_items(items: Sequence[Item]) -> int:
    """The bytes that count for these items."""
    return ITEM_OVERHEAD_BYTES * len(items) + sum([len(item.body) for item in items])


def size_of_frames(frames: Sequence[bytes]) -> int:
    """The bytes that count for these events."""
    return sum(EVENT_OVERHEAD_BYTES + len(frame) for frame in frames)
