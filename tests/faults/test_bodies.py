"""Faults of what is in a body (B4 to B7, B12): damaged, odd, deep and doubled; refused with a 4xx, or taken as it is."""

import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import KEY
from tests.fakes.raw import connection, http, read_answer
from tests.faults.scene import REQUEST, ask, scene, stream_of
from tests.official import check_error

BODY = orjson.dumps(REQUEST)
MEGABYTE = 1024 * 1024


INVALID = {
    "invalid UTF-8": b'{"model": "up/model", "input": "\xff"}',
    "byte order mark": b"\xef\xbb\xbf" + BODY,
    "empty": b"",
    "blank": b"   ",
    "trailing bytes": BODY + b"x",
    "two values": BODY + BODY,
    "NaN": b'{"model": "up/model", "input": NaN}',
    "a lone surrogate": b'{"model": "up/model", "input": "\\ud800"}',
    "cut": BODY[:-1],
    "control byte": b'{"model": "up/model", "input": "\x01"}',
    "single quotes": b"{'model': 'up/model'}",
}


@pytest.mark.case("B4")
@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
async def test_b4_what_is_no_json_is_refused(body: bytes) -> None:
    async with scene() as place:
        await place.refuses(body, 400, "invalid_json")


@pytest.mark.case("B4")
@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 5000, b"-" + b"9" * 5000])
async def test_b4_a_number_that_cannot_be_kept_is_no_fault_of_ours(number: bytes) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        body = b'{"model": "up/model", "input": "Hi", "temperature": %b}' % number
        status, _, answer = await ask(place.gateway, body)
        assert status == 400, answer


@pytest.mark.case("B4")
@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null"])
async def test_b4_what_is_no_object_is_refused(body: bytes) -> None:
    async with scene() as place:
        await place.refuses(body, 400, "invalid_type")


@pytest.mark.case("B5")
@pytest.mark.parametrize("depth", [101, 254, 1024, 1025, 100_000])
@pytest.mark.parametrize("shape", ["arrays", "objects", "schema", "metadata"])
async def test_b5_a_deep_body_is_refused(depth: int, shape: str) -> None:
    opening, closing = (b"[", b"]") if shape == "arrays" else (b'{"a":', b"}")
    nested = opening * depth + b"1" + closing * depth
    tool = b'{"type": "function", "name": "f", "parameters": ' + nested + b"}"
    member = {"schema": b'"tools": [' + tool + b"]", "metadata": b'"metadata": ' + nested}.get(
        shape, b'"input": ' + nested
    )
    async with scene() as place:
        body = b'{"model": "up/model", ' + member + b"}"
        await place.refuses(body, 400, "invalid_value")
        await place.refuses(b'{"model": "up/model", "messages": [], ' + member + b"}", 400, "invalid_value")


@pytest.mark.case("B6")
@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, 2**63, 2**64 - 1])
async def test_b6_an_integer_that_fits_reaches_the_upstream_exactly(number: int) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        schema: JSONObject = {"type": "object", "properties": {"a": {"type": "integer", "maximum": number}}}
        await stream_of(place.gateway, REQUEST | {"tools": [{"type": "function", "name": "f", "parameters": schema}]})
        assert place.upstream.last.json["tools"][0]["function"]["parameters"]["properties"]["a"]["maximum"] == number
        assert b"%d" % number in place.upstream.last.body


@pytest.mark.case("B6")
@pytest.mark.parametrize("number", [-(2**63) - 1, 2**64, 10**30])
async def test_b6_an_integer_that_would_change_is_refused(number: int) -> None:
    async with scene() as place:
        await place.refuses(b'{"model": "up/model", "input": "Hi", "seed": %d}' % number, 400, "invalid_value")


@pytest.mark.case("B7")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_b7_of_a_member_that_comes_twice_the_upstream_sees_one(path: str) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        body = (
            b'{"model": "other/model", "stream": false, "input": "Hi", "messages": [], "model": "up/m", "stream": true}'
        )
        status, _, _ = await ask(place.gateway, body, path=path)
        assert status == 200
        sent = place.upstream.last.body
        assert sent.count(b'"model"') == sent.count(b'"stream"') == 1
        assert (place.upstream.last.json["model"], place.upstream.last.json["stream"]) == ("m", True)


ODD_TEXTS = [
    "\u2028 and \u2029",
    "a\x00b",
    "a\r\nb",
    "data: x\n\nevent: y",
    "x" * MEGABYTE,
    "\U0001f600 \u0301",
    "\\ud800",
]


@pytest.mark.case("B12")
@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
async def test_b12_odd_texts_go_to_the_upstream_and_back_unchanged(text: str) -> None:
    async with scene(chat.text_stream(text)) as place:
        stream = await stream_of(place.gateway, REQUEST | {"input": text})
        assert place.upstream.last.json["messages"][-1]["content"] == text
        assert stream.response["output"][0]["content"][0]["text"] == text


async def test_a_chunked_body_that_breaks_in_the_middle_is_refused_quietly() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        writer.write(
            http("GET", "/v1/responses", headers=("Transfer-Encoding: chunked",), key=KEY).replace(b"GET", b"POST")
        )
        writer.write(b"5\r\nabcde\r\n")
        await place.gateway.wait_for_requests(1)
        writer.write(b"rubbish\r\n\r\n")
        status, headers, body = await read_answer(reader)
        assert (status, headers["connection"]) == (400, "close")
        check_error(orjson.loads(body))
        assert (await place.gateway.log.request_line())["termination"] == "client_error"


async def test_rubbish_after_an_early_refusal_is_quiet() -> None:
    async with scene(max_body_bytes=10) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(
            http("GET", "/v1/responses", headers=("Transfer-Encoding: chunked",), key=KEY).replace(b"GET", b"POST")
        )
        writer.write(b"14\r\n" + b"x" * 20 + b"\r\n")
        status, _, _ = await read_answer(reader)
        assert status == 413
        writer.write(b"rubbish\r\n\r\n")
