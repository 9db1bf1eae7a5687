"""A guess at the tokens of a prompt, for upstreams that do not count them. Knows no tokenizer."""

from collections.abc import Iterator

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.translate.usage import BYTES_PER_TOKEN

TOKENS_PER_MEDIUM = 1000
"""A picture costs a model some hundred to two thousand tokens, however many bytes carry it."""


def estimated_tokens(chat: JSONObject) -> int:
    """The tokens of the messages and tools of a Chat request, rather too many than too few."""
    messages: list[JSONObject] = chat["messages"]
    media = sum(1 for message in messages for part in _parts(message) if _is_medium(part))
    size = sum(len(dumps(_without_media(message))) for message in messages)
    size += len(dumps(chat["tools"])) if "tools" in chat else 0
    return -(-size // BYTES_PER_TOKEN) + media * TOKENS_PER_MEDIUM


def _parts(message: JSONObject) -> Iterator[JSONValue]:
    content = message.get("content")
    yield from content if isinstance(content, list) else ()


def _is_medium(part: JSONValue) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image_url", "input_audio", "video_url")


def _without_media(message: JSONObject) -> JSONObject:
    if not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [part for part in _parts(message) if not _is_medium(part)]}
