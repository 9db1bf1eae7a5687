"""What travels sealed through the client: an upstream's reasoning, or the summary of a compacted conversation.

The form is the gateway's own and has a version. Sealing itself is the caller's: here are only bytes.
"""

from collections.abc import Callable

import msgspec

from gateway.codec.json import JSONObject, JSONValue, dumps, loads

Seal = Callable[[bytes], str]
Unseal = Callable[[str], bytes | None]


class SealedReasoning(msgspec.Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """The reasoning of one item.

    Args:
        text: what the model thought.
        provider: the upstream that it is from; the opaque members mean nothing to another one.
        details: `reasoning_details`, to be given back unchanged.
        extras: `extra_content` of tool calls, by call id.
        item: the reasoning item itself, of an upstream that speaks Responses.
    """

    text: str = ""
    provider: str = ""
    details: list[JSONObject] = []
    extras: dict[str, JSONValue] = {}
    item: JSONObject = {}


class SealedSummary(msgspec.Struct, frozen=True, tag="summary", omit_defaults=True):
    """The summary that stands for a conversation before it."""

    text: str = ""


Sealed = SealedReasoning | SealedSummary


def encode(sealed: Sealed) -> bytes:
    """The bytes to seal."""
    return dumps(msgspec.to_builtins(sealed))


def decode(data: bytes | None) -> Sealed | None:
    """What was encoded; None for anything else, such as the form of a later version."""
    if data is None:
        return None
    try:
        sealed: Sealed = msgspec.convert(loads(data), Sealed)
    except (ValueError, msgspec.ValidationError):
        return None
    return sealed


def joined_details(pieces: list[JSONObject]) -> list[JSONObject]:
    """`reasoning_details` that came in pieces: those of one index and type are one entry, whose texts follow."""
    entries: dict[tuple[JSONValue, JSONValue], JSONObject] = {}
    for position, piece in enumerate(pieces):
        index = piece.get("index")
        place = (index if isinstance(index, int) else -1 - position, str(piece.get("type")))
        entry = entries.setdefault(place, {})
        for name, value in piece.items():
            is_text = name in ("text", "summary", "data") and isinstance(value, str)
            if is_text and isinstance(entry.get(name), str):
                entry[name] += value
            elif value is not None or name not in entry:
                entry[name] = value
    return list(entries.values())
