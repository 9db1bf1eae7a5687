"""`POST /v1/responses/input_tokens`, with the official client where it can ask so."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import openai
import orjson
import pytest
from aiohttp import web

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from tests.fakes.gateway import running_gateway
from tests.fakes.local_gateway import PROMPT, LocalGateway, local_gateway, provider
from tests.fakes.upstream import serving


async def tokenize(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response({"count": 40 + len(body["messages"]) + len(body.get("tools", [])), "tokens": []})


@pytest.fixture
async def vllm() -> AsyncIterator[str]:
    """The base URL of a server that counts."""
    app = web.Application()
    app.router.add_post("/tokenize", tokenize)
    async with serving(app) as base_url:
        yield base_url


async def count(gateway: LocalGateway, body: JSONObject, **headers: str) -> tuple[int, JSONObject, str]:
    """Status, body and the header that reports losses."""
    async with (
        aiohttp.ClientSession(headers=gateway.headers | headers) as session,
        session.post(f"{gateway.base_url}/responses/input_tokens", json=body) as answer,
    ):
        return answer.status, orjson.loads(await answer.read()), answer.headers.get("x-gateway-dropped", "")


async def test_the_upstreams_tokenizer_counts_through_the_real_process(vllm: str, tmp_path: Path) -> None:
    providers = [{"name": "up", "base_url": vllm, "quirks": {"token_count": "vllm"}}]
    async with (
        running_gateway(tmp_path, providers) as gateway,
        openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key) as client,
    ):
        counted = await client.responses.input_tokens.count(
            model="up/m", input="hi", instructions="Be brief.", tools=[{"type": "web_search"}]
        )
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 42)
    assert "estimated" not in (counted.model_extra or {})


async def test_losses_are_reported_and_refused_as_for_an_answer(vllm: str) -> None:
    async with local_gateway(provider(vllm, quirks=Quirks(token_count="vllm"))) as gateway:
        body = {"model": "up/m", "input": PROMPT, "tools": [{"type": "web_search"}]}
        assert await count(gateway, body) == (
            200,
            {"object": "response.input_tokens", "input_tokens": 41},
            "tools[0]:web_search",
        )
        status, refused, _ = await count(gateway, body, **{"x-gateway-mode": "strict"})
        assert (status, refused["error"]["param"]) == (400, "tools[0]")


async def test_elsewhere_it_is_an_estimate_that_says_so(vllm: str) -> None:
    broken = provider(vllm, name="broken", quirks=Quirks(token_count="llama_cpp"))
    async with local_gateway(provider(vllm), broken) as gateway:
        for model in ("up/m", "broken/m", None):
            status, body, _ = await count(gateway, {"model": model, "input": "x" * 400})
            assert (status, body["estimated"]) == (200, True)
            assert 100 < body["input_tokens"] < 120


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": "", "tools": []}, {"model": "up/m"}])
async def test_nothing_has_no_tokens(vllm: str, body: JSONObject) -> None:
    async with local_gateway(provider(vllm, quirks=Quirks(token_count="vllm"))) as gateway:
        assert await count(gateway, body) == (200, {"object": "response.input_tokens", "input_tokens": 0}, "")


@pytest.mark.parametrize("body", [{"instructions": "Be brief."}, {"tools": [{"type": "function", "name": "f"}]}])
async def test_instructions_and_tools_are_counted_alone_too(vllm: str, body: JSONObject) -> None:
    async with local_gateway(provider(vllm)) as gateway:
        status, counted, _ = await count(gateway, body)
        assert status == 200
        assert counted["input_tokens"] > 0


async def test_what_a_request_continues_is_counted_too(vllm: str) -> None:
    async with local_gateway(provider(vllm)) as gateway:
        items = [{"role": "user", "content": "x" * 4000}]
        async with aiohttp.ClientSession(gateway.base_url.removesuffix("v1"), headers=gateway.headers) as session:
            made = await (await session.post("v1/conversations", json={"items": items})).json()
        _, counted, _ = await count(gateway, {"conversation": made["id"]})
        assert counted["input_tokens"] > 500
        status, refused, _ = await count(gateway, {"previous_response_id": "resp_1"})
        assert (status, refused["error"]["code"]) == (400, "previous_response_not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "none/m", "input": "x"}, "model"),
        ({"model": "up/m", "input": 3}, "input"),
        ({"model": 3, "input": "x"}, "model"),
    ],
)
async def test_a_wrong_request_is_refused_with_its_place(vllm: str, body: JSONObject, param: str) -> None:
    async with local_gateway(provider(vllm)) as gateway:
        status, refused, _ = await count(gateway, body)
        assert status in (400, 404)
        assert refused["error"]["param"] == param


async def test_the_log_says_who_was_asked(vllm: str) -> None:
    async with local_gateway(provider(vllm, quirks=Quirks(token_count="vllm"))) as gateway:
        await count(gateway, {"model": "up/m", "input": PROMPT})
        line = await gateway.log.request_line()
    assert (line["model"], line["provider"], line["upstream_model"]) == ("up/m", "up", "m")
    assert line["termination"] == "completed"
