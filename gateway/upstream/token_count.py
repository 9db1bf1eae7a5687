"""How many tokens a prompt has, asked from the upstream that would answer it.

Servers that have a tokenizer endpoint have it beside the API, in forms of their own; the quirk `token_count` says
which. A count is never worth an error: where it cannot be had there is none, and the caller estimates.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.codec.json import JSONObject, JSONValue, dumps, loads
from gateway.errors import ErrorKind, GatewayError
from gateway.upstream.client import Upstream

_log = logging.getLogger(__name__)

_SECONDS = 30
"""A history of megabytes takes a tokenizer seconds; who asks for a count does not wait for minutes."""
_ANSWER_BYTES = 32 * 1024 * 1024
"""Both servers list every token, in up to ten bytes."""
_PROMPT_MEMBERS = ("model", "messages", "tools", "chat_template_kwargs")
"""What a chat template looks at."""


async def count_tokens(upstream: Upstream, chat: JSONObject) -> int | None:
    """The tokens of the prompt that a Chat request makes; None where the upstream does not say.

    Args:
        upstream: who would answer the request.
        chat: the request as it would be sent.
    """
    count = _COUNTERS.get(upstream.settings.quirks.token_count)
    if count is None:
        return None
    prompt = {name: chat[name] for name in _PROMPT_MEMBERS if name in chat}
    try:
        async with asyncio.timeout(_SECONDS):
            return await count(upstream, prompt)
    except (GatewayError, TimeoutError, ValueError) as error:
        reason = error.upstream_code if isinstance(error, GatewayError) else type(error).__name__
        fields = {"provider": upstream.name, "reason": reason}
        _log.info("cannot count the tokens of a prompt", extra={"fields": fields})
        return None


async def _vllm(upstream: Upstream, prompt: JSONObject) -> int:
    count = (await _ask(upstream, "/tokenize", prompt)).get("count")
    if not isinstance(count, int):
        raise _unusable()
    return count


async def _llama_cpp(upstream: Upstream, prompt: JSONObject) -> int:
    """One endpoint renders the template, without the token that begins every prompt, and another counts."""
    text = (await _ask(upstream, "/apply-template", prompt)).get("prompt")
    if not isinstance(text, str):
        raise _unusable()
    question = {"model": prompt["model"], "content": text, "add_special": True, "parse_special": True}
    tokens = (await _ask(upstream, "/tokenize", question)).get("tokens")
    if not isinstance(tokens, list):
        raise _unusable()
    return len(tokens)


_COUNTERS: dict[str, Callable[[Upstream, JSONObject], Awaitable[int]]] = {"vllm": _vllm, "llama_cpp": _llama_cpp}


def _unusable() -> GatewayError:
    return GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream's count is none.", upstream_code="no_count")


async def _ask(upstream: Upstream, path: str, question: JSONObject) -> JSONObject:
    """Raises GatewayError or ValueError for an answer that is no JSON object or too large."""
    answer = await upstream.open_beside(path, dumps(question))
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await answer.read():
            size += len(piece)
            if size > _ANSWER_BYTES:
                raise _unusable()
            pieces.append(piece)
    finally:
        answer.close()
    value: JSONValue = loads(b"".join(pieces))
    if not isinstance(value, dict):
        raise _unusable()
    return value
