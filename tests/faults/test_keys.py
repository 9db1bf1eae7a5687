"""Faults around keys and what is asked of whom (T): nobody gets in, and nothing of a client gets out."""

import hashlib
import itertools

import orjson
import pytest

from tests.fakes import chat
from tests.fakes.local_gateway import KEY, UPSTREAM_KEY, provider_table
from tests.fakes.raw import EVENTS_HEAD, RawUpstream, chunked, connection, http, raw_upstream, read_answer
from tests.fakes.upstream import Script
from tests.faults.scene import REQUEST, ask, scene, stream_of
from tests.faults.shared_gateway import SHARED

REFUSED = [
    (),
    ("Authorization: Bearer",),
    ("Authorization: Bearer ",),
    ("Authorization: Bearer wrong-secret",),
    (f"Authorization: Basic {KEY}",),
    (f"Authorization: {KEY}",),
    (f"Authorization: Bearer {KEY}x",),
    (f"Authorization: Bearer {KEY} x",),
    (f"Authorization: Bearer {'k' * 5000}",),
    ("Authorization: Bearer ' OR 1=1 --",),
    (f"Authorization: Bearer {hashlib.sha256(KEY.encode()).hexdigest()}",),
    (f"X-Api-Key: {KEY}",),
    ("Authorization: Bearer \xe9\xe9",),
]


@pytest.mark.case("T1")
async def test_t1_every_refusal_of_a_key_is_the_same() -> None:
    async with scene() as place:
        answers = set()
        for headers in REFUSED:
            async with connection(place.gateway.port) as (reader, writer):
                writer.write(http("GET", "/v1/models", headers=("x-request-id: same", *headers)))
                status, answered, body = await read_answer(reader)
                answered.pop("date")
                answers.add((status, body, tuple(sorted(answered.items()))))
        ((status, body, answered_headers),) = answers
        assert (status, orjson.loads(body)["error"]["code"]) == (401, "invalid_api_key")
        assert dict(answered_headers)["www-authenticate"] == "Bearer"
        await place.gateway.log.request_line(len(REFUSED) - 1)
        assert len(place.gateway.log.entries()) == len(REFUSED)
        assert {entry["termination"] for entry in place.gateway.log.entries()} == {"client_error"}


UPSTREAM_HEADERS = {
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "content-length",
    "x-client-request-id",
}


@pytest.mark.case("T6")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_t6_no_header_of_a_client_reaches_the_upstream(path: str) -> None:
    sent = {
        "Cookie": "session=1",
        "X-Api-Key": "client-key",
        "Api-Key": "client-key",
        "X-Forwarded-For": "10.0.0.1",
        "Proxy-Authorization": "Basic x",
        "OpenAI-Organization": "org",
        "Te": "trailers",
        "X-Unknown": "1",
        "User-Agent": "client/1",
        "Accept": "text/html",
        "Accept-Encoding": "gzip, br",
    }
    async with scene(chat.text_stream("Hi")) as place:
        await ask(place.gateway, REQUEST | {"messages": []}, path=path, headers=sent)
        headers = place.upstream.last.headers
        assert headers.keys() == UPSTREAM_HEADERS
        assert headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert headers["accept"] == "text/event-stream"
        assert headers["accept-encoding"] == "identity"
        assert headers["x-client-request-id"].startswith("req_")


@pytest.mark.case("T7")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_t7_no_field_of_a_request_names_another_destination(path: str) -> None:
    async with raw_upstream(("cut",)) as trap, scene(chat.text_stream("Hi")) as place:
        names = ("api_base", "base_url", "host", "proxy", "extra_headers", "api_key", "url", "endpoint")
        members = dict.fromkeys(names, trap.base_url)
        headers = {f"X-{name}": trap.base_url for name in ("Api-Base", "Base-Url", "Proxy", "Original-URL")}
        query = f"{path}?base_url={trap.base_url}"
        request = REQUEST | {"messages": []} | members
        status, _, _ = await ask(place.gateway, request, path=query, headers=headers)
        assert status in (200, 400)
        assert trap.connections == 0


async def redirecting(trap: RawUpstream, status: int) -> Script:
    return Script((b"",), status, "text/plain", {"Location": f"{trap.base_url}/chat/completions"})


@pytest.mark.case("T8")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_t8_a_redirection_is_not_followed(status: int, path: str) -> None:
    async with raw_upstream(("cut",)) as trap, scene(script=await redirecting(trap, status)) as place:
        answered, _, body = await ask(place.gateway, REQUEST | {"messages": []}, path=path)
        assert (answered, orjson.loads(body)["error"]["code"]) == (502, "upstream_protocol")
        assert trap.connections == 0
        assert (await place.gateway.log.request_line())["termination"] == "upstream_protocol"


@pytest.mark.case("T9")
async def test_t9_no_address_in_a_request_is_fetched() -> None:
    async with raw_upstream(("cut",)) as trap, scene(chat.text_stream("Hi")) as place:
        for url in (trap.base_url, "http://169.254.169.254/latest/meta-data", "file:///etc/passwd"):
            parts = [
                {"type": "input_image", "image_url": url},
                {"type": "input_file", "file_url": url, "filename": "a.pdf"},
            ]
            await ask(place.gateway, REQUEST | {"input": [{"role": "user", "content": parts}]})
        assert trap.connections == 0
        assert "root:" not in str([received.body for received in place.upstream.received])


@pytest.mark.case("T10")
async def test_t10_odd_keys_and_ids_match_nothing() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        for odd, method in itertools.product(("'%20OR%201=1", "%00", "..%2f..", "*", "resp_%25"), ("GET", "DELETE")):
            writer.write(http(method, f"/v1/responses/{odd}", key=KEY))
            status, _, body = await read_answer(reader)
            assert (status, orjson.loads(body)["error"]["code"]) == (404, "not_found")


async def test_an_upstream_that_answers_in_pieces_of_its_own_is_passed_through_unchanged() -> None:
    body = chat.text_stream("Hello") + b": odd comment\n\n"
    async with (
        raw_upstream((EVENTS_HEAD, *(chunked(body[at : at + 7]) for at in range(0, len(body), 7)), b"0\r\n\r\n")) as up,
        SHARED.configured(provider_table(up.base_url)) as gateway,
    ):
        request = {"model": "up/model", "messages": [], "stream": True}
        status, headers, passed = await ask(gateway, request, path="/chat/completions")
        assert (status, passed) == (200, body)
        assert headers["content-type"] == "text/event-stream"
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] == "no-cache"


async def test_the_text_of_a_stream_arrives() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        assert (await stream_of(place.gateway)).response["output"][0]["content"][0]["text"] == "Hi"
