"""One upstream over real sockets; faults of upstreams as clients see them are in tests/faults/test_upstreams.py."""

import asyncio
from contextlib import suppress

import orjson
import pytest
from aiohttp import web

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings, Quirks
from gateway.upstream.client import CHAT_PATH, Upstream
from tests.fakes import chat
from tests.fakes.ports import free_port
from tests.fakes.raw import EVENTS_HEAD, LAST_CHUNK, RawStep, chunked, raw_upstream
from tests.fakes.upstream import WAIT, Script, running_upstream, serving


def settings(base_url: str, **members: str) -> ProviderSettings:
    return ProviderSettings(name="up", base_url=base_url, api_key=members.get("api_key", ""))


async def opened(up: Upstream, body: bytes = b"{}") -> bytes:
    answer = await up.open_chat(body, is_stream=True, request_id="req_1")
    read = b""
    try:
        while piece := await answer.read():
            read += piece
    finally:
        answer.close()
    return read


async def refused(base_url: str) -> GatewayError:
    async with Upstream(settings(base_url)) as up:
        with pytest.raises(GatewayError) as caught:
            await opened(up)
        return caught.value


async def test_a_request_goes_to_the_configured_path_with_the_providers_key_alone() -> None:
    async with running_upstream() as server, Upstream(settings(server.base_url + "/", api_key="secret")) as up:
        server.answer(Script.of(chat.text_stream("Hi")))
        assert await opened(up, b'{"a":1}') == chat.text_stream("Hi")
        assert (server.last.path, server.last.json) == ("/v1/chat/completions", {"a": 1})
        assert server.last.headers["authorization"] == "Bearer secret"
        assert server.last.headers["user-agent"].startswith("responses-gateway/")
        assert up.name == "up"


async def test_the_id_of_a_request_goes_along_under_the_callers_name() -> None:
    """As `x-request-id`, llama-cpp-python refuses every id that is no UUID."""
    async with running_upstream() as server, Upstream(settings(server.base_url)) as up:
        server.answer(Script.of(b"x"))
        await opened(up)
        assert server.last.headers["x-client-request-id"] == "req_1"
        assert "x-request-id" not in server.last.headers


async def test_without_a_key_no_authorization_is_sent() -> None:
    async with running_upstream() as server, Upstream(settings(server.base_url)) as up:
        server.answer(Script.of(b"x"))
        await opened(up)
        assert "authorization" not in server.last.headers


async def test_a_large_body_arrives_whole_with_its_length() -> None:
    body = orjson.dumps("x" * 3_000_000)
    async with running_upstream() as server, Upstream(settings(server.base_url)) as up:
        server.answer(Script.of(b"x"))
        await opened(up, body)
        assert server.last.body == body
        assert server.last.headers["content-length"] == str(len(body))


async def test_an_answer_that_is_left_early_costs_its_connection_and_no_other() -> None:
    scripts: tuple[tuple[RawStep, ...], ...] = (
        (EVENTS_HEAD, chunked(b"a"), "hang"),
        (EVENTS_HEAD, chunked(b"b"), LAST_CHUNK),
    )
    async with raw_upstream(*scripts) as server, Upstream(settings(server.base_url)) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        assert await answer.read() == b"a"
        answer.close()
        await server.wait_until_left()
        assert await opened(up) == await opened(up) == b"b"
        assert server.connections == 2


BROKEN: list[tuple[RawStep, ...]] = [
    (EVENTS_HEAD, chunked(b"abc"), "cut"),
    (EVENTS_HEAD, chunked(b"abc"), 0.05, b"rubbish\r\n", "hang"),
]


@pytest.mark.parametrize("script", BROKEN)
async def test_what_came_before_a_break_is_given_first(script: tuple[RawStep, ...]) -> None:
    async with raw_upstream(script) as server, Upstream(settings(server.base_url)) as up:
        answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
        assert await answer.read() == b"abc"
        with pytest.raises(GatewayError) as caught:
            await answer.read()
        answer.close()
        assert (caught.value.kind, caught.value.upstream_code) == (ErrorKind.UPSTREAM_ERROR, "cut_off")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (("cut",), ErrorKind.UPSTREAM_ERROR),
        ((b"HTTP/1.1 200 OK\r\nContent-", "cut"), ErrorKind.UPSTREAM_ERROR),
        ((b"rubbish\r\n\r\n", "hang"), ErrorKind.UPSTREAM_PROTOCOL),
        ((b"220 mail.example ready\r\n", "hang"), ErrorKind.UPSTREAM_PROTOCOL),
        ((b"HT", 0.02, b"ML", "hang"), ErrorKind.UPSTREAM_PROTOCOL),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "hang"), ErrorKind.UPSTREAM_PROTOCOL),
        ((b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "hang"), ErrorKind.UPSTREAM_PROTOCOL),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "hang"), ErrorKind.UPSTREAM_PROTOCOL),
    ],
)
async def test_an_answer_without_a_head(script: tuple[RawStep, ...], kind: ErrorKind) -> None:
    async with raw_upstream(script) as server:
        assert (await refused(server.base_url)).kind is kind


OPEN_HEADS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
]


@pytest.mark.parametrize("head", OPEN_HEADS)
async def test_a_body_without_a_length_ends_with_its_connection(head: bytes) -> None:
    async with (
        raw_upstream((head, b"ab", 0.05, b"c", 0.05, "cut")) as server,
        Upstream(settings(server.base_url)) as up,
    ):
        async with asyncio.timeout(WAIT):
            assert await opened(up) == b"abc"
            answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
            taken: list[bytes] = []

            def take(piece: bytes) -> bool:
                taken.append(piece)
                return True

            await answer.feed(take)
            answer.close()
        assert (b"".join(taken), taken[-1]) == (b"abc", b"")


@pytest.mark.parametrize("head", OPEN_HEADS)
async def test_a_body_without_a_length_is_not_whole_when_its_connection_breaks(head: bytes) -> None:
    async with raw_upstream((head, b"ab", 0.05, "reset")) as server, Upstream(settings(server.base_url)) as up:
        with pytest.raises(GatewayError) as caught:
            async with asyncio.timeout(WAIT):
                await opened(up)
        assert caught.value.upstream_code == "cut_off"


async def test_an_answer_before_the_answer_is_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    script: tuple[RawStep, ...] = (
        early,
        0.02,
        early + EVENTS_HEAD[:30],
        0.02,
        EVENTS_HEAD[30:] + chunked(b"a"),
        LAST_CHUNK,
    )
    async with raw_upstream(script) as server, Upstream(settings(server.base_url)) as up:
        assert await opened(up) == b"a"


async def test_a_large_request_is_not_sent_to_its_end_once_it_is_refused() -> None:
    refusal = b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    read, is_left = 0, asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        await reader.read(1000)
        writer.write(refusal)
        await asyncio.sleep(0.2)
        with suppress(ConnectionError):  # the gateway leaves in the middle
            while piece := await reader.read(65_536):
                read += len(piece)
        writer.close()
        is_left.set()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1000)
    async with server, Upstream(settings(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")) as up:
        with pytest.raises(GatewayError) as caught:
            await opened(up, bytes(50_000_000))
        async with asyncio.timeout(WAIT):
            await is_left.wait()
        assert caught.value.kind is ErrorKind.BODY_TOO_LARGE
        assert read < 50_000_000


async def test_a_request_takes_no_line_of_its_own_into_the_head() -> None:
    async with running_upstream() as server, Upstream(settings(server.base_url)) as up:
        with pytest.raises(ValueError, match="control character"):
            await up.open_chat(b"{}", is_stream=True, request_id="a\r\nX-Other: b")
        assert not server.received


async def test_an_address_where_nobody_listens() -> None:
    error = await refused(f"http://127.0.0.1:{free_port()}/v1")
    assert error.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert "127.0.0.1" not in error.message


async def test_an_error_whose_body_breaks_off_keeps_its_status() -> None:
    head = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n"
    async with raw_upstream((head, b"slow do", "cut")) as server:
        error = await refused(server.base_url)
        assert (error.kind, error.retry_after) == (ErrorKind.RATE_LIMITED, 7)


async def test_an_upstream_that_is_not_entered_is_a_bug() -> None:
    with pytest.raises(RuntimeError):
        await opened(Upstream(settings("http://up")))
    await Upstream(settings("http://up")).__aexit__(None, None, None)


async def test_models_are_asked_for_with_get() -> None:
    async with running_upstream() as server, Upstream(settings(server.base_url)) as up:
        answer = await up.open_models()
        assert (orjson.loads(await answer.read())["data"][0]["id"], answer.content_type) == (
            "model",
            "application/json",
        )
        answer.close()


@pytest.mark.parametrize(
    ("quirks", "path", "header"),
    [
        (Quirks(), "/v1/chat/completions", ("authorization", "Bearer secret")),
        (
            Quirks(auth="api-key", query={"api-version": "1"}),
            "/v1/chat/completions?api-version=1",
            ("api-key", "secret"),
        ),
        (
            Quirks(chat_path="/deployments/{model}/chat"),
            "/v1/deployments/a%2Fb/chat",
            ("authorization", "Bearer secret"),
        ),
        (Quirks(auth="none"), "/v1/chat/completions", ("authorization", "")),
    ],
)
async def test_the_dialect_says_where_and_how_to_ask(quirks: Quirks, path: str, header: tuple[str, str]) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=b"x", content_type="text/event-stream")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with (
        serving(app) as base_url,
        Upstream(ProviderSettings(name="up", base_url=base_url, api_key="secret", quirks=quirks)) as up,
    ):
        assert await opened(up, b'{"model":"a/b"}') == b"x"
        (await up.open_models()).close()
    assert asked[0].raw_path == path
    assert asked[0].headers.get(header[0], "") == header[1]
    assert asked[1].path == "/v1/models"
    assert asked[1].query_string == asked[0].query_string


async def test_anything_is_asked_and_every_answer_taken_as_it_is() -> None:
    head = b"HTTP/1.1 418 Teapot\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\n"
    async with (
        raw_upstream(
            (
                head,
                b"key upstream-se",
            )
        ) as server,
        Upstream(settings(server.base_url)) as up,
    ):
        assert await up.ask("/models", None, most_bytes=99) == (418, "text/plain", b"key upstream-se", "whole")
        assert (await up.ask("/tokenize", b"{}", is_beside=True, most_bytes=99)).status == 418
        assert (await up.ask(CHAT_PATH, b"{}", most_bytes=99)).status == 418
        lines = [request.split(b" HTTP")[0] for request in server.requests]
        assert lines == [b"GET /v1/models", b"POST /tokenize", b"POST /v1/chat/completions"]


async def test_what_is_asked_gives_no_secret_back() -> None:
    head = b"HTTP/1.1 400 No\r\nContent-Length: 14\r\n\r\n"
    async with (
        raw_upstream((head, b"bad: sk-secret")) as server,
        Upstream(settings(server.base_url, api_key="sk-secret")) as up,
    ):
        assert (await up.ask("/models", None, most_bytes=99)).body == b"bad: ***"


@pytest.mark.parametrize(("last", "most_bytes", "ending"), [("hang", 2, "left"), ("cut", 99, "broken")])
async def test_an_answer_to_a_question_may_be_left_or_break(last: RawStep, most_bytes: int, ending: str) -> None:
    async with (
        raw_upstream((EVENTS_HEAD, chunked(b"abc"), 0.05, last)) as server,
        Upstream(settings(server.base_url)) as up,
    ):
        answer = await up.ask("/models", None, most_bytes=most_bytes)
        assert (answer.body, answer.ending) == (b"abc", ending)
