"""Faults of the size of bodies (B1 to B3, B8 to B10, C14): refused in time, and nobody else has to wait for them."""

import gzip
import time
import zlib
from functools import partial
from pathlib import Path

import aiohttp
import brotli
import orjson
import pytest
from backports import zstd

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import running_gateway
from tests.fakes.local_gateway import KEY, PROMPT
from tests.fakes.raw import connection, http, read_answer
from tests.fakes.upstream import Script, running_upstream
from tests.faults import pauses
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, ask, posted, scene
from tests.official import check_error

BODY = orjson.dumps(REQUEST)
MEGABYTE = 1024 * 1024
CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}
BOMBS = CODINGS | {"br": partial(brotli.compress, quality=1)}


@pytest.mark.case("B1")
async def test_b1_a_length_over_the_limit_is_refused_without_reading(figures: Figures) -> None:
    async with scene(max_body_bytes=1000) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(posted(b"x" * 1001).removesuffix(b"x" * 1001))
        started = time.monotonic()
        status, headers, body = await read_answer(reader)
        figures.note("B1", "until the refusal", (time.monotonic() - started) * 1000, "ms")
        assert time.monotonic() - started < 3
        assert (status, headers["connection"]) == (413, "close")
        assert orjson.loads(body)["error"]["code"] == "request_too_large"


@pytest.mark.case("B2")
@pytest.mark.parametrize("size", [5 * MEGABYTE, 100 * MEGABYTE])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_b2_a_client_that_uploads_too_much_gets_the_refusal(size: int, *, is_chunked: bool) -> None:
    async def pieces() -> object:
        for _ in range(size // MEGABYTE):
            yield bytes(MEGABYTE)

    async with scene(max_body_bytes=MEGABYTE) as place, aiohttp.ClientSession(headers=place.gateway.headers) as session:
        headers = {} if is_chunked else {"Content-Length": str(size)}
        url = f"{place.gateway.base_url}/responses"
        async with session.post(url, data=pieces(), headers=headers) as answer:
            assert answer.status == 413
            check_error(await answer.json())
        async with session.get(f"{place.gateway.base_url}/models") as answer:
            assert answer.status == 200
        assert (await place.gateway.log.request_line())["termination"] == "client_error"


@pytest.mark.case("B2")
async def test_b2_a_blocking_client_that_uploads_too_much_gets_the_refusal() -> None:
    async with scene(max_body_bytes=MEGABYTE) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(posted(bytes(5 * MEGABYTE)))
        await writer.drain()
        status, _, _ = await read_answer(reader)
        assert status == 413
        assert await reader.read() == b""


@pytest.mark.case("B3")
@pytest.mark.parametrize("coding", CODINGS)
async def test_b3_a_compressed_body_is_understood(coding: str) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        status, _, _ = await ask(place.gateway, CODINGS[coding](BODY), headers={"Content-Encoding": coding})
        assert status == 200
        assert PROMPT in place.upstream.last.body.decode()


@pytest.mark.alone
@pytest.mark.case("B3")
@pytest.mark.parametrize("coding", CODINGS)
async def test_b3_a_bomb_is_refused_the_moment_it_passes_the_limit(coding: str, figures: Figures) -> None:
    bomb = BOMBS[coding](bytes(200 * MEGABYTE))
    async with scene(max_body_bytes=4 * MEGABYTE) as place:
        memory, started = place.gateway.memory(), time.monotonic()
        with pauses.watched(place.gateway.port) as pause:
            await place.refuses(bomb, 413, "request_too_large", headers={"Content-Encoding": coding})
        grown = place.gateway.memory() - memory
        figures.note("B3", f"pause for a bomb of {coding}", pause.longest * 1000, "ms")
        assert time.monotonic() - started < 5
        assert pause.longest < 0.5
        assert grown < 2 * 4 * MEGABYTE + 4 * MEGABYTE


@pytest.mark.alone
@pytest.mark.case("B3")
async def test_b3_a_large_compressed_body_keeps_nobody_waiting(figures: Figures) -> None:
    body = orjson.dumps(REQUEST | {"input": "words and words " * (2 * MEGABYTE)})
    packed = gzip.compress(body, 1)
    async with scene(chat.text_stream("Hi")) as place:
        with pauses.watched(place.gateway.port) as pause:
            status, _, _ = await ask(place.gateway, packed, headers={"Content-Encoding": "gzip"})
        assert status == 200
        figures.note("B3", "pause for 32 MiB of text", pause.longest * 1000, "ms")
        assert pause.longest < 0.6


@pytest.mark.case("B3")
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("damage", ["cut", "tail", "rubbish", "empty"])
async def test_b3_a_damaged_body_is_refused(coding: str, damage: str) -> None:
    whole = CODINGS[coding](BODY)
    body = {"cut": whole[:-3], "tail": whole + b"more", "rubbish": b"\xff" * 100, "empty": b""}[damage]
    async with scene() as place:
        await place.refuses(body, 400, "invalid_json", headers={"Content-Encoding": coding})


@pytest.mark.case("B3")
@pytest.mark.parametrize("coding", ["compress", "gzip, gzip", "aws-chunked", "x" * 1000])
async def test_b3_another_coding_is_refused(coding: str) -> None:
    async with scene() as place:
        await place.refuses(BODY, 415, "unsupported_media_type", headers={"Content-Encoding": coding})


@pytest.mark.alone
@pytest.mark.case("B8")
async def test_b8_too_many_values_are_refused_quickly(figures: Figures) -> None:
    async with scene() as place:
        body = b'{"model": "up/model", "input": [' + b'{"a":[],"b":"text"},' * 600_000 + b"{}]}"
        with pauses.watched(place.gateway.port) as pause:
            await place.refuses(body, 400, "invalid_value")
        figures.note("B8", "pause", pause.longest * 1000, "ms")
        assert pause.longest < 1


@pytest.mark.alone
@pytest.mark.case("B8")
async def test_b8_as_many_values_as_are_allowed_keep_nobody_waiting_for_long(figures: Figures) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        schema = {"type": "object", "properties": {f"m{number}": {"type": "string"} for number in range(2000)}}
        tools = [{"type": "function", "name": f"f{number}", "parameters": schema} for number in range(40)]
        body = orjson.dumps(REQUEST | {"tools": tools})
        with pauses.watched(place.gateway.port) as pause:
            assert (await ask(place.gateway, body))[0] == 200
        figures.note("B8", "pause for 80,000 values that are allowed", pause.longest * 1000, "ms")
        assert pause.longest < 2


@pytest.mark.alone
@pytest.mark.case("B9")
async def test_b9_an_image_of_20_mb_passes(figures: Figures) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        url = "data:image/png;base64," + "A" * (20 * MEGABYTE)
        parts = [{"type": "input_image", "image_url": url}]
        body = orjson.dumps(REQUEST | {"input": [{"role": "user", "content": parts}]})
        with pauses.watched(place.gateway.port) as pause:
            assert (await ask(place.gateway, body))[0] == 200
        figures.note("B9", "pause", pause.longest * 1000, "ms")
        assert pause.longest < 1
        assert len(place.upstream.last.body) > 20 * MEGABYTE


@pytest.mark.alone
@pytest.mark.case("C14")
async def test_c14_a_million_chunks_of_one_byte_keep_nobody_waiting(figures: Figures) -> None:
    head = http("GET", "/v1/responses", headers=("Transfer-Encoding: chunked",), key=KEY).replace(b"GET", b"POST")
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        started = time.monotonic()
        with pauses.watched(place.gateway.port) as pause:
            writer.write(head + b"1\r\nx\r\n" * 1_000_000 + b"0\r\n\r\n")
            status, _, body = await read_answer(reader)
        figures.note("C14", "until the refusal", time.monotonic() - started, "s")
        figures.note("C14", "pause", pause.longest * 1000, "ms")
        assert (status, orjson.loads(body)["error"]["code"]) == (400, "invalid_json")
        assert time.monotonic() - started < 20
        assert pause.longest < 2


B10: dict[str, JSONObject] = {
    "2,001 items": {"input": [{"role": "user", "content": f"word {number}"} for number in range(2001)]},
    "129 tools": {"tools": [{"type": "function", "name": f"f{n}", "parameters": {}} for n in range(129)]},
    "a schema of 300 KB": {
        "tools": [
            {
                "type": "function",
                "name": "f",
                "parameters": {"type": "object", "properties": {f"m{n}": {"type": "string"} for n in range(12_000)}},
            }
        ]
    },
    "a schema for the text of 300 KB": {
        "text": {
            "format": {
                "type": "json_schema",
                "name": "s",
                "schema": {"type": "object", "properties": {f"m{n}": {"type": "string"} for n in range(12_000)}},
            }
        }
    },
}


@pytest.mark.case("B10")
@pytest.mark.parametrize("members", B10.values(), ids=B10.keys())
async def test_b10_much_of_everything_is_answered(members: JSONObject) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        assert (await ask(place.gateway, REQUEST | members))[0] == 200
        assert len(place.upstream.last.body) > len(orjson.dumps(members)) / 2


@pytest.mark.case("B10")
@pytest.mark.parametrize(("limit", "body"), [("max_json_containers", b"[],"), ("max_json_depth", b"")])
async def test_b10_what_is_too_much_names_the_limit(limit: str, body: bytes) -> None:
    nested = body * 300_000 + b"[]" if body else b"[" * 200 + b"]" * 200
    async with scene() as place:
        status, _, answer = await ask(place.gateway, b'{"model": "up/model", "input": [' + nested + b"]}")
        assert status == 400
        assert {"max_json_containers": b"200000", "max_json_depth": b"100"}[limit] in answer


@pytest.mark.case("B10")
async def test_b10_a_chain_that_is_too_long_names_the_limit(tmp_path: Path) -> None:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        providers = [{"name": "up", "base_url": upstream.base_url}]
        async with running_gateway(tmp_path, providers, sections={"state": {"max_chain": 5}}) as gateway:
            previous: JSONObject = {}
            for _ in range(6):  # one, and the five that it may continue
                status, _, body = await ask(gateway, REQUEST | {"stream": False} | previous)
                assert status == 200, body
                previous = {"previous_response_id": orjson.loads(body)["id"]}
            status, _, body = await ask(gateway, REQUEST | {"stream": False} | previous)
            assert status == 400
            assert orjson.loads(body)["error"]["message"] == "The response continues more than 5 others."
