"""The demo upstream over real sockets."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import ClientSession, web
from aiohttp.pytest_plugin import AiohttpClient, AiohttpServer
from aiohttp.test_utils import TestClient

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.app import create_app, create_runner

Client = TestClient[web.Request, web.Application]
PATH = "/v1/chat/completions"


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    return await aiohttp_client(create_app(pace_seconds=0))


def body(message: str, **fields: JSONValue) -> JSONObject:
    return {"model": "demo", "messages": [{"role": "user", "content": message}], **fields}


async def events(client: Client, message: str, **fields: JSONValue) -> list[JSONValue]:
    async with client.post(PATH, json=body(message, stream=True, **fields)) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        frames = (await response.read()).decode().split("\n\n")
    assert frames.pop() == ""
    return [frame if frame == "data: [DONE]" else json.loads(frame.removeprefix("data: ")) for frame in frames]


async def read_into(received: bytearray, response: aiohttp.ClientResponse) -> None:
    async for chunk in response.content.iter_any():
        received += chunk


def text_in(chunks: list[JSONValue]) -> str:
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk.get("choices"))


async def test_the_models_are_listed(client: Client) -> None:
    async with client.get("/v1/models") as response:
        listed = await response.json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["demo", "demo-reasoner"]


async def test_a_stream_and_a_whole_answer_say_the_same(client: Client) -> None:
    *chunks, done = await events(client, "Hello")
    async with client.post(PATH, json=body("Hello")) as response:
        whole = await response.json()
    assert done == "data: [DONE]"
    assert text_in(chunks) == whole["choices"][0]["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert whole["usage"]["total_tokens"] > 0


async def test_the_usage_of_a_stream_comes_last(client: Client) -> None:
    chunks = await events(client, "long 5", stream_options={"include_usage": True})
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"]["completion_tokens"] == 5


async def test_a_cut_stream_has_no_end(client: Client) -> None:
    received = bytearray()
    async with client.post(PATH, json=body("cut", stream=True)) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_into(received, response)
    assert b'"content":"Hello"' in received
    assert b'"finish_reason":"stop"' not in received
    assert b"[DONE]" not in received


async def test_a_cut_whole_answer_is_half(client: Client) -> None:
    async with client.post(PATH, json=body("cut")) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_an_error_in_a_stream_is_its_last_event(client: Client) -> None:
    chunks = await events(client, "error")
    assert set(chunks[-1]["error"]) == {"message", "type", "param", "code"}
    assert text_in(chunks)


async def test_an_error_in_a_whole_answer_is_a_server_error(client: Client) -> None:
    async with client.post(PATH, json=body("error")) as response:
        assert response.status == 500
        assert (await response.json())["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", "bad_request"),
        (401, "invalid_request_error", "invalid_api_key"),
        (429, "rate_limit_error", "rate_limit_exceeded"),
        (500, "server_error", "internal_error"),
        (503, "server_error", "server_is_overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_has_the_status_asked_for(
    client: Client, status: int, kind: str, code: str, *, stream: bool
) -> None:
    async with client.post(PATH, json=body(f"fail {status}", stream=stream)) as response:
        error = (await response.json())["error"]
        assert response.status == status
        assert (error["type"], error["code"], error["param"]) == (kind, code, None)
        assert ("Retry-After" in response.headers) is (status == 429)


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        (b"{", None, "invalid_json"),
        (b"[]", None, "invalid_type"),
        (b'{"model":"demo"}', "messages", "missing_required_parameter"),
        (b'{"model":"demo","messages":"Hi"}', "messages", "invalid_type"),
        (b'{"model":"demo","messages":[{"role":"user","content":"Hi"}],"tools":[]}', "tools", "invalid_value"),
    ],
)
async def test_a_bad_request_is_refused_in_the_apis_form(
    client: Client, data: bytes, param: str | None, code: str
) -> None:
    async with client.post(PATH, data=data) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


async def test_other_paths_and_methods_are_refused_in_the_apis_form(client: Client) -> None:
    async with client.get("/v1/other") as response:
        assert (response.status, (await response.json())["error"]["code"]) == (404, "not_found")
    async with client.get(PATH) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"


async def test_a_body_that_is_too_large_is_refused(aiohttp_client: AiohttpClient) -> None:
    app = create_app(pace_seconds=0)
    app._client_max_size = 100
    client = await aiohttp_client(app)
    async with client.post(PATH, json=body("x" * 1000)) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (413, "request_too_large")


async def test_waiting_and_pausing_take_their_time(client: Client) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()
    await events(client, "slow 0.1 pause 0.1 long 2")
    async with client.post(PATH, json=body("pause 0.1 long 2")) as response:
        await response.read()
    assert clock() - start >= 0.3


async def test_a_pace_is_kept(aiohttp_client: AiohttpClient) -> None:
    client: Client = await aiohttp_client(create_app(pace_seconds=0.01))
    clock = asyncio.get_running_loop().time
    start = clock()
    await events(client, "long 10")
    assert clock() - start >= 0.1


async def test_a_client_that_leaves_stops_its_answer(aiohttp_server: AiohttpServer) -> None:
    cancelled = asyncio.Event()

    @web.middleware
    async def watch(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    app = create_app(pace_seconds=10)
    app.middlewares.append(watch)
    server = await aiohttp_server(app)
    async with ClientSession() as session:
        response = await session.post(server.make_url(PATH), json=body("long 1000", stream=True))
        await response.content.readany()
        response.close()
    await asyncio.wait_for(cancelled.wait(), timeout=5)


async def test_a_runner_serves_on_a_free_port() -> None:
    runner = create_runner(pace_seconds=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/v1/models") as response:
            assert response.status == 200
    finally:
        await runner.cleanup()


async def test_run_prints_its_address_and_ends_on_a_signal() -> None:
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from gateway.demo.app import run; run('127.0.0.1', 0)",
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = (await process.stdout.readline()).decode()
        base_url = line.rsplit(" ", 1)[1].strip()
        async with ClientSession() as session, session.get(f"{base_url}/models") as response:
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
