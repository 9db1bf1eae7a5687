"""What the requests of one conversation have in common, so that all of them can go to the same replica.

There the beginning of the prompt is in the cache. Nothing of it is kept or logged: it only makes a hash.
"""

from aiohttp.web import Request
from msgspec import Struct

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.web.visit import VISIT

_HEADERS = ("session-id", "session_id", "x-session-id", "conversation_id")
"""Codex sends the first, with a dash or an underscore."""
_MOST_CHARACTERS = 4096


class Session(Struct, frozen=True):
    """The session of a request with this body; nothing is looked at before it is needed."""

    request: Request
    body: JSONObject

    def text(self) -> str:
        """The same for all requests of a conversation, and another one for each owner."""
        return f"{self.request[VISIT].owner}\0{self._own()}"

    def _own(self) -> str:
        key = self.body.get("prompt_cache_key")
        if isinstance(key, str) and key:
            return key[:_MOST_CHARACTERS]
        named = (value for name in _HEADERS if (value := self.request.headers.get(name)))
        return next(named, None) or _first_words(self.body)


def _first_words(body: JSONObject) -> str:
    """The user's first message: it stays while the conversation grows."""
    history = body.get("input", body.get("messages"))
    if isinstance(history, str):
        return history[:_MOST_CHARACTERS]
    for item in history if isinstance(history, list) else ():
        if isinstance(item, dict) and item.get("role") == "user":
            return _text(item.get("content"))
    return ""


def _text(content: JSONValue) -> str:
    text = content if isinstance(content, str) else dumps(content).decode()
    return text[:_MOST_CHARACTERS]
