"""A gateway without keys: for programs of this machine, and for no page in its browser."""

from collections.abc import AsyncIterator

import orjson
import pytest

from gateway.access.keys import KeyStore
from tests.fakes import chat
from tests.fakes.local_gateway import KEY, LocalGateway, local_gateway, provider
from tests.fakes.raw import connection, http, read_answer
from tests.fakes.upstream import Script, running_upstream

BODY = orjson.dumps({"model": "up/model", "input": "Hi"})


@pytest.fixture
async def open_gateway() -> AsyncIterator[LocalGateway]:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        async with local_gateway(provider(upstream.base_url), keys=KeyStore(None)) as gateway:
            yield gateway


async def status_for(gateway: LocalGateway, *headers: str, host: str = "127.0.0.1:8080", key: str | None = None) -> int:
    async with connection(gateway.port) as (reader, writer):
        request = http("POST", "/v1/responses", BODY, headers=headers, key=key)
        writer.write(request.replace(b"Host: gateway", f"Host: {host}".encode()))
        status, _, body = await read_answer(reader)
        assert b"access-control" not in body.lower()
        return status


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:8080", "[::1]:8080", "a.localhost"]
)
async def test_programs_of_this_machine_need_no_key(open_gateway: LocalGateway, host: str) -> None:
    assert await status_for(open_gateway, host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "192.168.1.7", "", "a b"]
)
async def test_a_name_that_leads_here_is_refused(open_gateway: LocalGateway, host: str) -> None:
    assert await status_for(open_gateway, host=host) in (400, 401)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1.evil.example", "null", "file://", "http://["]
)
async def test_a_page_from_elsewhere_is_refused(open_gateway: LocalGateway, origin: str) -> None:
    assert await status_for(open_gateway, f"Origin: {origin}") == 401


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3000"])
async def test_a_page_of_this_machine_is_not(open_gateway: LocalGateway, origin: str) -> None:
    assert await status_for(open_gateway, f"Origin: {origin}") == 200


async def test_with_a_key_host_and_origin_do_not_matter() -> None:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        async with local_gateway(provider(upstream.base_url)) as gateway:
            origin = "Origin: https://app.example"
            assert await status_for(gateway, origin, host="gateway.example", key=KEY) == 200
            assert await status_for(gateway, origin, host="gateway.example") == 401
