"""A Chat Completions server that has the manners of a known one: what it refuses, ignores and does in its own way.

Unlike the scripted upstream it looks at the requests; unlike the demo it is wrong on purpose.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.upstream import serving

Refusal = tuple[int, JSONObject | str]
"""A status, and a body of JSON or plain text."""


def never(_: JSONObject) -> Refusal | None:
    """Nothing is refused."""
    return None


@dataclass(slots=True)
class Dialect:
    """The manners of a server.

    Args:
        models: what it lists.
        refuses: what it refuses, by the request.
        says_done: whether its streams end with `[DONE]`.
        usage: when it counts tokens in a stream.
        reasoning: where its reasoning is: a member, `tags` in the text, or nowhere.
        reads_calls: whether tool calls arrive as such, and not as text.
        obeys: the forms of `tool_choice` that it obeys.
        formats: the kinds of `response_format` that it obeys.
        limits: the names of the limit that it obeys.
        sees: whether it sees pictures.
        beside: answers to other paths.
    """

    models: list[JSONObject] = field(default_factory=lambda: [{"id": "m", "object": "model"}])
    refuses: Callable[[JSONObject], Refusal | None] = never
    says_done: bool = True
    usage: Literal["asked", "always", "never"] = "asked"
    reasoning: str = ""
    reads_calls: bool = True
    obeys: frozenset[str] = frozenset({"none", "required", "named"})
    formats: frozenset[str] = frozenset({"json_schema", "json_object"})
    limits: frozenset[str] = frozenset({"max_tokens", "max_completion_tokens"})
    sees: bool = False
    beside: dict[str, JSONObject] = field(default_factory=dict)
    received: list[JSONObject] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body: JSONObject = await request.json()
        self.received.append(body)
        self.keys.add(request.headers.get("Authorization", ""))
        if refusal := self.refuses(body):
            status, error = refusal
            if isinstance(error, str):
                return web.Response(status=status, text=error)
            return web.json_response(error, status=status)
        delta, finish = self._delta(body), "stop"
        limit = min((body[name] for name in self.limits if name in body), default=1000)
        if len(delta.get("content") or "") > 4 * limit:
            delta, finish = {"content": delta["content"][: 4 * limit]}, "length"
        return self._answer(body, delta, finish)

    def _answer(self, body: JSONObject, delta: JSONObject, finish: str) -> web.Response:
        has_usage = self.usage == "always" or (self.usage == "asked" and "stream_options" in body)
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **delta}, "finish_reason": finish}
            return web.json_response({"object": "chat.completion", "choices": [choice], "usage": chat.USAGE})
        frames = chat.chunk({"role": "assistant"}) + chat.chunk(delta) + chat.chunk({}, finish=finish)
        frames += (chat.usage_chunk() if has_usage else b"") + (chat.DONE if self.says_done else b"")
        return web.Response(body=frames, content_type="text/event-stream")

    def _delta(self, body: JSONObject) -> JSONObject:
        last = body["messages"][-1]
        asked = str(last["content"])
        if names := self._called(body, asked, is_result=last["role"] == "tool"):
            return _calls(names) if self.reads_calls or _choice(body) == "named" else _raw_calls(names)
        kind = body.get("response_format", {}).get("type")
        if kind in self.formats:
            return {"content": '{"verdict": "good"}'}
        if "image_url" in asked:
            return {"content": "It is Red." if self.sees else "I cannot see what was shared."}
        if "Think" in asked:
            return self._thought()
        return {"content": ", ".join(map(str, range(1, 101))) if asked == "Count" else "Hello there!"}

    def _called(self, body: JSONObject, asked: str, *, is_result: bool) -> list[str]:
        if "tools" not in body or is_result:
            return []
        choice = _choice(body)
        if choice in self.obeys and choice != "auto":
            named = [body["tool_choice"]["function"]["name"]] if choice == "named" else []
            return {"none": [], "required": ["get_weather"], "named": named}[choice]
        return [name for word, name in (("Weather", "get_weather"), ("time", "get_time")) if word in asked]

    def _thought(self) -> JSONObject:
        if self.reasoning == "tags":
            return {"content": "<think>Two and two.</think>4"}
        if self.reasoning == "thinking":
            thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Two and two."}]}
            return {"content": [thinking, {"type": "text", "text": "4"}]}
        return {"content": "4", **({self.reasoning: "Two and two."} if self.reasoning else {})}

    async def list_models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self.models})

    async def answer_beside(self, request: web.Request) -> web.Response:
        if request.path not in self.beside:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response(self.beside[request.path])


def _choice(body: JSONObject) -> str:
    choice = body.get("tool_choice", "auto")
    return "named" if isinstance(choice, dict) else str(choice)


def _calls(names: list[str]) -> JSONObject:
    return {
        "tool_calls": [
            {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": "{}"}}
            for index, name in enumerate(names)
        ]
    }


def _raw_calls(names: list[str]) -> JSONObject:
    return {"content": "".join(f"<tool_call>{json.dumps({'name': name})}</tool_call>" for name in names)}


@asynccontextmanager
async def speaking(dialect: Dialect, *, lists_models: bool = True) -> AsyncIterator[str]:
    """Serve the dialect on a loopback port and give its base URL."""
    app = web.Application()
    if lists_models:
        app.router.add_get("/v1/models", dialect.list_models)
    app.router.add_post("/v1/chat/completions", dialect.complete)
    app.router.add_post("/{path:.*}", dialect.answer_beside)
    async with serving(app) as base_url:
        yield base_url


# Servers as they were measured; what does not show in the doctor's questions is left out.


def _error(message: str, status: int = 400) -> Refusal:
    return status, {"error": {"message": message, "type": "invalid_request_error"}}


def _has_image(body: JSONObject) -> bool:
    return "image_url" in json.dumps(body["messages"])


def _llama_server_refuses(body: JSONObject) -> Refusal | None:
    if _has_image(body):
        return 500, {"error": {"code": 500, "message": "image input is not supported", "type": "server_error"}}
    if len(json.dumps(body)) > 4096:
        error = {"code": 400, "message": "the request exceeds the available context size", "n_ctx": 1024}
        return 400, {"error": {**error, "type": "exceed_context_size_error"}}
    return None


def llama_server() -> Dialect:
    """The server of llama.cpp."""
    return Dialect(
        models=[{"id": "tiny", "meta": {"n_ctx": 1024}}],
        refuses=_llama_server_refuses,
        reasoning="reasoning_content",
        beside={"/apply-template": {"prompt": "<|im_start|>"}, "/tokenize": {"tokens": [1, 2]}},
    )


def _llama_cpp_python_refuses(body: JSONObject) -> Refusal | None:
    for index, message in enumerate(body["messages"]):
        if message["role"] == "developer" or message.get("content", "") is None:
            return 500, {"error": {"message": f"1 validation error: ('body', 'messages', {index})", "code": None}}
    if body.get("response_format", {}).get("type") == "json_schema":
        return 500, {"error": {"message": "Input should be 'text' or 'json_object'", "code": None}}
    return None


def llama_cpp_python() -> Dialect:
    """The Python server around llama.cpp."""
    return Dialect(
        refuses=_llama_cpp_python_refuses,
        usage="never",
        reasoning="tags",
        reads_calls=False,
        obeys=frozenset({"named"}),
        formats=frozenset({"json_object"}),
        limits=frozenset({"max_tokens"}),
    )


_TRANSFORMERS_MEMBERS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "temperature", "max_tokens", "max_completion_tokens"),
        *("tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "verbosity"),
    }
)


def _transformers_refuses(body: JSONObject) -> Refusal | None:
    if unknown := set(body) - _TRANSFORMERS_MEMBERS:
        return 422, {"detail": f"Unexpected fields in the request: {unknown}"}
    return (400, {"detail": "Server is pinned to 'm'"}) if body["model"] != "m" else None


def transformers_serve() -> Dialect:
    """`transformers serve`, which speaks Responses too."""
    return Dialect(
        refuses=_transformers_refuses,
        says_done=False,
        usage="always",
        reasoning="reasoning_content",
        obeys=frozenset(),
        formats=frozenset(),
        beside={"/v1/responses": {"object": "response", "output": []}},
    )


def _mlx_refuses(body: JSONObject) -> Refusal | None:
    return (404, {"error": "Only 'text' content type is supported."}) if _has_image(body) else None


def mlx_lm() -> Dialect:
    """The server of mlx-lm."""
    return Dialect(refuses=_mlx_refuses, reasoning="reasoning", obeys=frozenset(), formats=frozenset())


def _vllm_refuses(body: JSONObject) -> Refusal | None:
    if body["model"] != "qwen":
        return _error("The model does not exist.", 404)
    if "tools" in body and body.get("tool_choice", "auto") == "auto":
        return _error('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    return None


def vllm_without_parsers() -> Dialect:
    """vLLM, started without the flags for tools, with a model that sees."""
    return Dialect(
        models=[{"id": "qwen", "max_model_len": 32768}],
        refuses=_vllm_refuses,
        reasoning="reasoning",
        sees=True,
        beside={"/tokenize": {"count": 12, "max_model_len": 32768, "tokens": []}},
    )


def ollama() -> Dialect:
    """Ollama, which looks neither at `tool_choice` nor at the newer name of the limit."""
    return Dialect(reasoning="reasoning", obeys=frozenset(), limits=frozenset({"max_tokens"}))


def _openai_refuses(body: JSONObject) -> Refusal | None:
    if "max_tokens" in body:
        return _error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    if "temperature" in body:
        return _error("Unsupported value: 'temperature' does not support 0 with this model.")
    return _error("Unrecognized request argument supplied: frobnicate") if "frobnicate" in body else None


def openai_reasoner() -> Dialect:
    """A newer model of OpenAI."""
    return Dialect(refuses=_openai_refuses, sees=True)


def _groq_refuses(body: JSONObject) -> Refusal | None:
    for index, message in enumerate(body["messages"]):
        if "reasoning_content" in message:
            return _error(f"'messages.{index}' : property 'reasoning_content' is unsupported")
    return None


def groq() -> Dialect:
    """Groq, which refuses what it does not know in a message."""
    return Dialect(refuses=_groq_refuses)


def _mistral_refuses(body: JSONObject) -> Refusal | None:
    if "call_01" in json.dumps(body["messages"]):
        return _error("Tool call id was call_0123 but must be a-z, A-Z, 0-9, with a length of 9.")
    return _error("Extra inputs are not permitted: frobnicate", 422) if "frobnicate" in body else None


def mistral() -> Dialect:
    """Mistral, whose ids of calls have nine letters and digits, and whose reasoning is a part of the content."""
    return Dialect(refuses=_mistral_refuses, reasoning="thinking")


def _strict_refuses(body: JSONObject) -> Refusal | None:
    messages = body["messages"]
    checks = {
        "System role not supported": any(message["role"] in ("system", "developer") for message in messages),
        "stream_options: extra fields not permitted": "stream_options" in body,
        "reasoning_effort: extra fields not permitted": "reasoning_effort" in body,
        "parallel_tool_calls: extra fields not permitted": "parallel_tool_calls" in body,
        "strict: extra fields not permitted": "strict" in json.dumps(body.get("tools", [])),
        "content may be left out only": any("tool_calls" in one and "content" in one for one in messages),
    }
    return next((_error(text, 422) for text, is_met in checks.items() if is_met), None)


def strict() -> Dialect:
    """None in particular: it refuses whatever some server refuses."""
    return Dialect(refuses=_strict_refuses, reasoning="reasoning_details")
