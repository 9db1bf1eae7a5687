"""Faults of upstreams before the first byte (U1-U6): no connection, no head, a refusal, another thing than asked."""

import asyncio
import socket
import time

import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import OUTPUT, UPSTREAM_KEY, provider_table
from tests.fakes.ports import free_port
from tests.fakes.raw import RawStep, raw_upstream
from tests.fakes.upstream import Script, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, ask, error_of, listed_models, raw_scene, scene, stream_of
from tests.faults.shared_gateway import SHARED

WHOLE = REQUEST | {"stream": False}
CHAT: JSONObject = {"model": "up/model", "messages": [], "stream": True}
STREAMED_OR_NOT = pytest.mark.parametrize("request_body", [REQUEST, WHOLE], ids=["streamed", "collected"])


@pytest.mark.case("U1")
@STREAMED_OR_NOT
async def test_u1_a_refused_connection_is_told_at_once(request_body: JSONObject, figures: Figures) -> None:
    async with SHARED.configured(provider_table(f"http://127.0.0.1:{free_port()}/v1")) as gateway:
        started = time.monotonic()
        status, error = await error_of(gateway, request_body)
        figures.note("U1", "told after, with one try again", (time.monotonic() - started) * 1000, "ms")
        assert time.monotonic() - started < 5
        assert (status, error["code"]) == (503, "upstream_unreachable")
        line = await gateway.log.request_line()
        assert (line["termination"], line["upstream_code"]) == ("upstream_connect", "ClientConnectorError")


@pytest.mark.case("U1")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_u1_the_next_target_is_asked_when_one_cannot_be_reached(path: str) -> None:
    alias: JSONObject = {"id": "coder", "targets": ["down/model", "up/model"]}
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        down = provider_table(f"http://127.0.0.1:{free_port()}/v1", name="down")
        async with SHARED.configured(down, provider_table(upstream.base_url), aliases=(alias,)) as gateway:
            status, _, body = await ask(gateway, REQUEST | CHAT | {"model": "coder"}, path=path)
            assert (status, b"Hi" in body) == (200, True)
            line = await gateway.log.request_line()
            assert (line["provider"], line["termination"]) == ("up", "completed")


@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_a_refusal_that_another_target_would_repeat_is_the_answer(path: str) -> None:
    alias: JSONObject = {"id": "coder", "targets": ["first/model", "up/model"]}
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script.json(chat.error_body("bad temperature"), status=400))
        providers = provider_table(first.base_url, name="first"), provider_table(second.base_url)
        async with SHARED.configured(*providers, aliases=(alias,)) as gateway:
            status, _, body = await ask(gateway, REQUEST | CHAT | {"model": "coder"}, path=path)
            assert (status, b"bad temperature" in body) == (400, True)
            assert second.received == []


@pytest.mark.case("U2")
@STREAMED_OR_NOT
async def test_u2_a_black_hole_is_left_after_the_connect_limit(request_body: JSONObject) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # a full backlog swallows what comes after
            filler.setblocking(False)
            filler.connect_ex(address)
        base_url = f"http://127.0.0.1:{address[1]}/v1"
        async with SHARED.configured(provider_table(base_url, connect_timeout_seconds=0.3)) as gateway:
            started = time.monotonic()
            status, error = await error_of(gateway, request_body)
            assert 0.2 < time.monotonic() - started < 2
            assert (status, error["code"]) == (504, "upstream_connect_timeout")
            assert (await gateway.log.request_line())["termination"] == "upstream_connect"
        for filler in fillers:
            filler.close()


@pytest.mark.case("U4")
async def test_u4_a_slow_head_opens_the_stream_and_heartbeats_keep_it_alive() -> None:
    limits: JSONObject = {"commit_after_seconds": 0.1, "heartbeat_seconds": 0.1, "first_byte_timeout_seconds": 1.0}
    async with scene("hang", **limits) as place:
        stream = await place.fails_with("server_error", "upstream_idle")
        assert stream.response["error"]["message"] == "The upstream did not begin its answer in time."
        assert [event["type"] for event in stream.events].count("response.in_progress") >= 4
        assert place.upstream.last.left.is_set()


@pytest.mark.case("U4")
async def test_u4_a_refusal_after_the_stream_was_opened_becomes_its_end() -> None:
    script = Script((0.3,), 400, "application/json")
    async with scene(script=script, commit_after_seconds=0.1) as place:
        await place.fails_with("invalid_prompt", "failed_upstream_status")


@pytest.mark.case("U4")
async def test_u4_a_refusal_before_the_stream_is_opened_is_an_http_error() -> None:
    async with scene(script=Script((0.1,), 400, "application/json"), commit_after_seconds=2) as place:
        assert (await error_of(place.gateway))[0] == 400


STATUSES = {
    400: (400, "upstream_rejected_request"),
    401: (502, "upstream_credentials"),
    402: (429, "insufficient_quota"),
    403: (502, "upstream_credentials"),
    404: (404, "model_not_found"),
    408: (504, "timeout"),
    409: (400, "upstream_rejected_request"),
    413: (413, "request_too_large"),
    422: (400, "upstream_rejected_request"),
    429: (429, "rate_limit_exceeded"),
    500: (502, "upstream_error"),
    502: (502, "upstream_error"),
    503: (503, "server_is_overloaded"),
    504: (504, "timeout"),
    529: (503, "server_is_overloaded"),
    302: (502, "upstream_protocol"),
    304: (502, "upstream_protocol"),
}
LEAK = f"Incorrect API key provided: {UPSTREAM_KEY}. Send another."
BODIES = {
    "json": orjson.dumps({"error": {"message": LEAK, "code": UPSTREAM_KEY}}),
    "html": b"<html><body>" + LEAK.encode() + b"</body></html>",
    "text": LEAK.encode(),
    "empty": b"",
}


@pytest.mark.case("U5")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES)
async def test_u5_a_status_is_mapped_and_the_upstreams_key_never_quoted(status: int, body: str) -> None:
    content_type = {"json": "application/json", "html": "text/html"}.get(body, "text/plain")
    headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
    script = Script((BODIES[body],), status, content_type, headers)
    async with scene(script=script) as place:
        for request in (REQUEST, WHOLE):
            answered, _, text = await ask(place.gateway, request)
            assert (answered, orjson.loads(text)["error"]["code"]) == STATUSES[status]
            assert UPSTREAM_KEY.encode() not in text
            assert b"<html" not in text
        line = await place.gateway.log.request_line(1)
        assert line["status"] == STATUSES[status][0]
        assert UPSTREAM_KEY not in str(line)


@pytest.mark.case("U5")
async def test_u5_a_secret_header_of_the_configuration_is_not_quoted_either() -> None:
    script = Script.json(chat.error_body("The key azure-secret-key is not valid."), status=400)
    async with scene(script=script, headers={"api-key": "azure-secret-key"}) as place:
        _, error = await error_of(place.gateway)
        assert error["message"] == "The key *** is not valid."


@pytest.mark.case("U5")
@pytest.mark.parametrize("request_body", [REQUEST, WHOLE, CHAT])
async def test_u5_of_a_large_error_body_only_the_start_is_read(request_body: JSONObject) -> None:
    head = b"HTTP/1.1 500 Failed\r\nContent-Type: text/plain\r\nContent-Length: 100000000\r\n\r\n"
    async with raw_scene((head, *([b"x" * 100_000] * 1000))) as place:
        path = "/chat/completions" if "messages" in request_body else "/responses"
        status, _, body = await ask(place.gateway, request_body, path=path)
        assert status == 502
        assert len(body) < 2000
        await place.upstream.wait_until_left()
        assert place.upstream.written < 20_000_000
        assert (await place.gateway.log.request_line())["termination"] == "failed_upstream_status"


@pytest.mark.case("U6")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_u6_html_instead_of_a_stream_is_a_502(path: str) -> None:
    async with scene(script=Script((b"<html>",), 200, "text/html; charset=utf-8")) as place:
        status, _, body = await ask(place.gateway, REQUEST | CHAT, path=path)
        assert (status, orjson.loads(body)["error"]["code"]) == (502, "upstream_protocol")
        assert (await place.gateway.log.request_line())["termination"] == "upstream_protocol"


COMPLETION = chat.completion(OUTPUT)


@pytest.mark.case("U6")
async def test_u6_json_instead_of_a_stream_is_understood() -> None:
    async with scene(script=Script.json(COMPLETION)) as place:
        stream = await stream_of(place.gateway)
        assert stream.response["output"][0]["content"][0]["text"] == OUTPUT
        assert (await place.gateway.log.request_line())["termination"] == "completed"


@pytest.mark.case("U6")
async def test_u6_json_instead_of_a_chat_stream_says_so() -> None:
    async with scene(script=Script.json(COMPLETION)) as place:
        status, headers, body = await ask(place.gateway, CHAT, path="/chat/completions")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert orjson.loads(body) == COMPLETION


NO_HEAD: dict[str, tuple[tuple[RawStep, ...], str, str]] = {
    "closed at once": (("cut",), "upstream_error", "upstream_reset"),
    "reset at once": (("reset",), "upstream_error", "upstream_reset"),
    "half a head": ((b"HTTP/1.1 200 OK\r\nContent", "cut"), "upstream_error", "upstream_reset"),
    "no HTTP": ((b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "hang"), "upstream_protocol", "upstream_protocol"),
    "a long header": (
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "hang"),
        "upstream_protocol",
        "upstream_protocol",
    ),
}


@pytest.mark.case("U8")
@pytest.mark.parametrize(("script", "code", "termination"), NO_HEAD.values(), ids=NO_HEAD.keys())
@STREAMED_OR_NOT
async def test_u8_an_upstream_without_a_head_is_a_502(
    script: tuple[RawStep, ...], code: str, termination: str, request_body: JSONObject
) -> None:
    async with raw_scene(script) as place:
        status, error = await error_of(place.gateway, request_body)
        assert (status, error["code"]) == (502, code)
        assert (await place.gateway.log.request_line())["termination"] == termination


async def test_a_dead_provider_neither_breaks_nor_delays_the_list_of_models() -> None:
    async with running_upstream() as alive, raw_upstream(("hang",)) as hanging:
        providers = (
            provider_table(alive.base_url),
            provider_table(f"http://127.0.0.1:{free_port()}/v1", name="down"),
            provider_table(hanging.base_url, name="hanging"),
        )
        async with SHARED.configured(*providers) as gateway:
            gateway.log.allowed_errors.add("cannot list the models of a provider")
            started = time.monotonic()
            lists = await asyncio.gather(*(listed_models(gateway) for _ in range(5)))
            assert time.monotonic() - started < 7
            assert lists == [["up/model"]] * 5
