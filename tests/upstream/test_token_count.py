"""Counting tokens at servers that have a tokenizer beside the API."""

import pytest
from aiohttp import web

from gateway.codec.json import JSONObject, JSONValue
from gateway.settings import ProviderSettings, Quirks, TokenCount
from gateway.upstream.client import Upstream
from gateway.upstream.token_count import count_tokens
from tests.fakes.upstream import serving

CHAT: JSONObject = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "stream": True,
    "temperature": 0.5,
}
PROMPT = {name: CHAT[name] for name in ("model", "messages", "tools")}


class Tokenizer:
    """Answers each path with a fixed value, and keeps what it was asked."""

    def __init__(self, **answers: JSONValue) -> None:
        self.answers = answers
        self.asked: list[tuple[str, JSONObject]] = []

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.removeprefix("/").replace("-", "_")
        self.asked.append((request.path, await request.json()))
        if name not in self.answers:
            return web.json_response({"error": {"message": "no"}}, status=404)
        return web.json_response(self.answers[name])

    async def count(self, form: TokenCount) -> int | None:
        """What is counted for `CHAT` with this server behind the base URL with `/v1`."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self.answer)
        async with serving(app) as base_url:
            settings = ProviderSettings(name="up", base_url=base_url, quirks=Quirks(token_count=form))
            async with Upstream(settings) as upstream:
                return await count_tokens(upstream, CHAT)


async def test_vllm_counts_messages_and_tools_in_one_step() -> None:
    server = Tokenizer(tokenize={"count": 42, "max_model_len": 4096, "tokens": [1] * 42})
    assert await server.count("vllm") == 42
    assert server.asked == [("/tokenize", PROMPT)]


async def test_llama_cpp_renders_the_template_and_counts_its_text() -> None:
    server = Tokenizer(apply_template={"prompt": "<user>hi"}, tokenize={"tokens": [1, 2, 3]})
    assert await server.count("llama_cpp") == 3
    text = {"model": "m", "content": "<user>hi", "add_special": True, "parse_special": True}
    assert server.asked == [("/apply-template", PROMPT), ("/tokenize", text)]


async def test_without_the_quirk_nobody_is_asked() -> None:
    server = Tokenizer(tokenize={"count": 42})
    assert await server.count("none") is None
    assert server.asked == []


@pytest.mark.parametrize(
    ("form", "answers"),
    [
        ("vllm", {}),
        ("vllm", {"tokenize": {"count": "42"}}),
        ("vllm", {"tokenize": [1]}),
        ("llama_cpp", {"apply_template": {"prompt": None}}),
        ("llama_cpp", {"apply_template": {"prompt": "p"}}),
        ("llama_cpp", {"apply_template": {"prompt": "p"}, "tokenize": {"tokens": 3}}),
    ],
)
async def test_what_cannot_be_counted_is_no_error(form: TokenCount, answers: JSONObject) -> None:
    assert await Tokenizer(**answers).count(form) is None


@pytest.mark.parametrize("path", ["/api/v1/", "/api"])
async def test_the_endpoint_stands_beside_the_api(path: str) -> None:
    server = Tokenizer(**{"api/tokenize": {"count": 7}})
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    async with serving(app) as base_url:
        address = base_url.removesuffix("/v1") + path
        settings = ProviderSettings(name="up", base_url=address, quirks=Quirks(token_count="vllm"))
        async with Upstream(settings) as upstream:
            assert await count_tokens(upstream, CHAT) == 7


async def test_a_server_that_is_gone_counts_nothing() -> None:
    async with serving(web.Application()) as base_url:
        pass
    settings = ProviderSettings(name="up", base_url=base_url, quirks=Quirks(token_count="vllm"))
    async with Upstream(settings) as upstream:
        assert await count_tokens(upstream, CHAT) is None
