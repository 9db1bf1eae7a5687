"""A guess at the tokens of a prompt, for upstreams that do not count them. Knows no tokenizer."""

from collections.abc import Iterator

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.translate.usage import BYTES_PER_TOKEN

TOKENS_PER_MEDIUM = 1000
"""A picture costs a model some hundred to two thousand tokens, however many bytes carry it."""


def estimated_tokens(body: JSONObject) -> int:
    """The tokens of the messages or items and of the tools of a planned request, rather too many than too few."""
    messages = _messages(body)
    media = sum(1 for message in messages for part in _parts(message) if _is_medium(part))
    size = sum(len(dumps(_without_media(message))) for message in messages)
    size += len(dumps(body["tools"])) if "tools" in body else 0
    return -(-size // BYTES_PER_TOKEN) + media * TOKENS_PER_MEDIUM


def _messages(body: JSONObject) -> list[JSONObject]:
    """The messages of a Chat request, or the items of one that goes on in the form of the Responses API."""
    if "messages" in body:
        messages: list[JSONObject] = body["messages"]
        return messages
    given = body["input"]
    items = [{"content": given}] if isinstance(given, str) else list(given)
    return [{"content": body["instructions"]}, *items] if "instructions" in body else items


def _parts(message: JSONObject) -> Iterator[JSONValue]:
    content = message.get("content")
    yield from content if isinstance(content, list) else ()


def _is_medium(part: JSONValue) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image_url", "input_audio", "input_image", "video_url")


def _without_media(message: JSONObject) -> JSONObject:
    if not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [part for part in _parts(message) if not _is_medium(part)]}
