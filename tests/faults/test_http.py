"""Faults on the level of HTTP (H): what is no request is refused and the connection closed; nothing leaks."""

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from tests.fakes import chat
from tests.fakes.gateway import running_gateway
from tests.fakes.local_gateway import KEY
from tests.fakes.log import Log
from tests.fakes.ports import free_port
from tests.fakes.raw import connection, http, read_answer, send
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, Scene, ask, posted, scene
from tests.faults.shared_gateway import Gateway
from tests.faults.smuggling import HOST, POST, SMUGGLING
from tests.official import check_error

BODY = orjson.dumps(REQUEST)
MEGABYTE = 2**20
GARBAGE = 5000
PIPELINED = 2000


@pytest.mark.case("H1")
@pytest.mark.parametrize("payload", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_h1_a_doubtful_request_is_refused_and_nothing_behind_it_is_read(payload: bytes) -> None:
    async with scene(chat.text_stream("Hi")) as place:
        answer = await send(place.gateway.port, payload)
        assert_one_refusal(answer)
        assert b"Server:" not in answer
        assert KEY.encode() not in answer
        assert place.upstream.received == []


def assert_one_refusal(answer: bytes) -> None:
    """Exactly one answer, an error in the API's form; that the connection was closed is why the answer has an end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"413", b"501"), answer
    assert head.startswith(b"HTTP/1.0") or b"Connection: close" in head
    assert answer.count(b"HTTP/1.") == 1
    check_error(orjson.loads(body))


@pytest.mark.case("H2")
@pytest.mark.parametrize(
    "payload",
    [
        POST + HOST + b"".join(b"X-%d: 1\r\n" % number for number in range(130)) + b"\r\n",
        POST + HOST + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        b"POST /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=["headers", "header", "target"],
)
async def test_h2_too_many_or_too_long_headers_are_refused(payload: bytes) -> None:
    async with scene() as place:
        assert_one_refusal(await send(place.gateway.port, payload))


@pytest.mark.case("H3")
async def test_h3_pipelined_requests_are_answered_in_order() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        memory = place.gateway.memory()
        for number in range(PIPELINED):
            writer.write(http("GET", f"/v1/responses/resp_{number}", key=KEY))
        for number in range(PIPELINED):
            status, _, body = await read_answer(reader)
            assert status == 404
            assert f"resp_{number}'" in orjson.loads(body)["error"]["message"]
        assert place.gateway.memory() - memory < 5 * MEGABYTE


@pytest.mark.case("H4")
async def test_h4_garbage_gives_a_line_in_the_log_now_and_then_and_no_traceback(figures: Figures) -> None:
    async with scene() as place:
        for _ in range(200):  # until memory has been taken once
            await send(place.gateway.port, b"rubbish\r\n\r\n")
        memory, started = place.gateway.memory(), time.monotonic()
        for _ in range(GARBAGE):
            assert_one_refusal(await send(place.gateway.port, b"rubbish\r\n\r\n"))
        seconds = time.monotonic() - started
        figures.note("H4", "each, with its connection", seconds / GARBAGE * 1000, "ms")
        lines = place.gateway.log.entries("refused malformed requests")
        assert 1 <= len(lines) <= seconds + 3
        assert "stack" not in "".join(place.gateway.log.lines)
        assert len(place.gateway.log.lines) == len(lines)
        assert place.gateway.memory() - memory < 5 * MEGABYTE


@pytest.mark.case("H5")
@pytest.mark.parametrize("control", [b"\x00", b"\x01", b"\r", b"\n", b"\x7f"])
async def test_h5_a_control_byte_beside_the_key_reveals_it_nowhere(control: bytes) -> None:
    async with scene() as place:
        key = KEY.encode()
        payload = POST + HOST + b"Authorization: Bearer " + key + control + b"\r\nContent-Length: 0\r\n\r\n"
        answer = await send(place.gateway.port, payload)
        assert b" 400 " in answer or b" 401 " in answer
        assert key not in answer
        assert KEY not in "\n".join(place.gateway.log.lines)


@pytest.mark.case("H6")
async def test_h6_a_request_id_that_could_break_a_line_is_replaced() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        for offered in ("a b", "x" * 129, "a\tb", "é", "", "<script>"):
            writer.write(http("GET", "/v1/models/none", headers=(f"x-request-id: {offered}",), key=KEY))
            _, headers, _ = await read_answer(reader)
            assert headers["x-request-id"].startswith("req_")


@pytest.mark.case("H6")
async def test_h6_a_model_with_line_ends_forges_no_line() -> None:
    async with scene() as place:
        model = 'up\r\n{"message":"forged"}\u2028x\x00'
        status, headers, _ = await ask(place.gateway, {"model": model, "input": "Hi"})
        assert status == 404
        assert not any("\r" in value or "\n" in value for value in headers.values())
        await place.gateway.log.request_line()
        assert len(place.gateway.log.lines) == 1
        assert place.gateway.log.lines[0].isascii()


TARGETS = [
    "//v1/responses",
    "/v1//responses",
    "/v1/./responses/x",
    "/v1/../healthzz",
    "/v1%2fresponses",
    "/v1/responses/",
    "/v1/responses/%2e%2e/models",
    "/V1/responses",
    "/v1/responses/" + "a" * 7000,
    "/nothing",
    "/v1",
    "/",
]


@pytest.mark.case("H7")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_h7_odd_paths_are_not_found(target: str, method: str) -> None:
    async with scene() as place:
        answer = await send(place.gateway.port, http(method, target, headers=("Connection: close",), key=KEY))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split()[1] in (b"404", b"405")
        check_error(orjson.loads(body))
        assert len(orjson.loads(body)["error"]["message"]) < 200
        assert len((await place.gateway.log.request_line())["path"]) <= 200


@pytest.mark.case("H7")
@pytest.mark.parametrize("target", ["/x/../v1/models", "/./v1/models", "/%76%31/models", "/v1/./models"])
async def test_h7_no_way_of_writing_a_path_goes_round_the_key(target: str) -> None:
    async with scene() as place:
        answer = await send(place.gateway.port, http("GET", target, headers=("Connection: close",)))
        assert answer.split()[1] in (b"401", b"404")


@pytest.mark.case("H7")
async def test_h7_the_store_is_not_asked_for_what_can_be_no_id(tmp_path: Path) -> None:
    admin_port = free_port()
    sections = {
        "state": {"backend": "sqlite", "path": str(tmp_path / "state.db"), "purge_seconds": 3600},
        "admin": {"port": admin_port},
    }
    nowhere = {"name": "up", "base_url": "http://127.0.0.1:1/v1"}
    async with running_gateway(
        tmp_path, [nowhere], sections=sections, environment={"GATEWAY_API_KEYS": KEY}
    ) as process:
        gateway = Gateway(process, admin_port, Log(process.lines))
        name = "gateway_database_operations_total"
        own = -await gateway.metric(name) + await gateway.metric(name)  # to be measured asks the store too
        before = await gateway.metric(name)
        for odd in ODD_IDS:
            for method in ("GET", "DELETE"):
                answer = await send(
                    process.port, http(method, f"/v1/responses/{odd}", headers=("Connection: close",), key=KEY)
                )
                assert answer.split()[1] in (b"404", b"405"), odd
        assert await gateway.metric(name) == before + own


ODD_IDS = ["a" * 7000, "..", "%2e%2e", "%00", "'%20OR%201=1", "resp_%0a", "resp_" + "0" * 200, "msg_1", "*", "%25"]


METHODS = [
    ("PUT", "/v1/responses", {"GET", "POST"}),
    ("TRACE", "/v1/responses", {"GET", "POST"}),
    ("HEAD", "/v1/responses", {"GET", "POST"}),
    ("PATCH", "/v1/responses", {"GET", "POST"}),
    ("OPTIONS", "/v1/chat/completions", {"POST"}),
    ("GET", "/v1/chat/completions", {"POST"}),
    ("PROPFIND", "/v1/models", {"GET"}),
    ("HEAD", "/v1/models", {"GET"}),
    ("POST", "/v1/responses/resp_1", {"DELETE", "GET"}),
    ("GET", "/v1/responses/resp_1/cancel", {"POST"}),
    ("POST", "/healthz", {"GET", "HEAD"}),
]


@pytest.mark.case("H8")
@pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
async def test_h8_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: set[str]) -> None:
    async with scene() as place:
        override = ("X-HTTP-Method-Override: POST", "X-Method-Override: POST", "Connection: close")
        answer = await send(place.gateway.port, http(method, path, headers=override, key=KEY))
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert head.split()[1] == b"405"
        assert set(lines["Allow"].replace(" ", "").split(",")) == allowed
        if method == "HEAD":
            assert body == b""
        else:
            check_error(orjson.loads(body))


@pytest.mark.case("H8")
async def test_h8_connect_opens_no_tunnel() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        writer.write(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")
        assert (await read_answer(reader))[0] in (404, 405)


@pytest.mark.case("H9")
async def test_h9_a_body_is_not_asked_for_without_a_key() -> None:
    async with scene() as place:
        head = http("POST", "/v1/responses", BODY, headers=("Expect: 100-continue",)).removesuffix(BODY)
        status, headers, _ = await head_alone(place.gateway, head)
        assert (status, headers["connection"]) == (401, "close")


@pytest.mark.case("H9")
async def test_h9_a_body_is_not_asked_for_when_it_is_too_large() -> None:
    async with scene(max_body_bytes=10) as place:
        head = posted(headers=("Expect: 100-continue",)).removesuffix(BODY)
        status, headers, _ = await head_alone(place.gateway, head)
        assert (status, headers["connection"]) == (413, "close")


async def head_alone(gateway: Gateway, head: bytes) -> tuple[int, dict[str, str], bytes]:
    async with connection(gateway.port) as (reader, writer):
        writer.write(head)
        return await read_answer(reader)


@pytest.mark.case("H9")
async def test_h9_a_body_that_is_welcome_is_asked_for() -> None:
    async with scene(chat.text_stream("Hi")) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(posted(headers=("Expect: 100-Continue",)).removesuffix(BODY))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(BODY)
        assert (await read_answer(reader))[0] == 200
        assert (await place.gateway.log.request_line())["termination"] == "completed"


@pytest.mark.case("H9")
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/models", "/nothing"])
async def test_h9_an_unknown_expectation_breaks_nothing(path: str) -> None:
    async with scene() as place:
        request = http("GET", path, headers=("Expect: bogus", "Connection: close"), key=KEY)
        answer = await send(place.gateway.port, request)
        assert answer.split()[1] in (b"200", b"405", b"417")


@pytest.mark.case("H10")
async def test_h10_an_absolute_target_and_foreign_hosts_change_nothing() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        forged = ("X-Forwarded-Host: evil.example", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https")
        request = posted(headers=(*forged, "Forwarded: for=10.0.0.1;host=evil.example", "Connection: close"))
        request = request.replace(b"Host: gateway", b"Host: evil.example")
        answer = await send(place.gateway.port, request.replace(b" /v1", b" http://evil.example/v1"))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"evil" not in answer
        assert not [name for name in place.upstream.last.headers if "forwarded" in name]
        assert "evil" not in "\n".join(place.gateway.log.lines)


@pytest.mark.case("H11")
async def test_h11_the_headers_of_a_stream_are_exactly_these() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        _, headers, _ = await ask(place.gateway, REQUEST, headers={"x-request-id": "mine-1"})
        headers.pop("date")
        assert headers == {
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
            "x-gateway-attempts": "up/model:ok",
            "x-request-id": "mine-1",
            "transfer-encoding": "chunked",
        }


@pytest.mark.case("H11")
async def test_h11_the_headers_of_every_other_answer_are_exactly_these() -> None:
    async with scene() as place, connection(place.gateway.port) as (reader, writer):
        for path in ("/healthz", "/v1/models", "/v1/responses/x", "/nothing"):
            writer.write(http("GET", path, headers=("x-request-id: mine-1",), key=KEY))
            _, headers, _ = await read_answer(reader)
            assert headers.keys() == {
                "content-type",
                "content-length",
                "date",
                "cache-control",
                "x-content-type-options",
                "x-request-id",
            }
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-type"] == "application/json"


async def test_a_connection_serves_on_after_a_stream_and_after_pipelining() -> None:
    async with scene(chat.text_stream("Hi")) as place, connection(place.gateway.port) as (reader, writer):
        writer.write(posted() + posted() + http("GET", "/v1/models", key=KEY))
        for _ in range(2):
            status, _, body = await read_answer(reader)
            assert status == 200
            assert body.endswith(b"data: [DONE]\n\n")
        status, _, body = await read_answer(reader)
        assert orjson.loads(body)["data"][0]["id"] == "up/model"
        writer.write(posted())
        assert (await read_answer(reader))[0] == 200


async def test_a_refused_web_socket_leaves_the_connection_usable() -> None:
    async with scene(chat.text_stream("Hi")) as place, connection(place.gateway.port) as (reader, writer):
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x")
        writer.write(http("GET", "/v1/responses", headers=upgrade, key=KEY))
        status, _, body = await read_answer(reader)
        assert status == 426
        check_error(orjson.loads(body))
        writer.write(posted())
        status, _, body = await read_answer(reader)
        assert status == 200


async def test_a_client_of_http_1_0_gets_a_stream_that_ends_with_the_connection() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        answer = await send(place.gateway.port, posted().replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        assert body.endswith(b"data: [DONE]\n\n")


async def one_id(place: Scene) -> None:
    await ask(place.gateway, REQUEST, headers={"x-request-id": "mine-1"})
    line = await place.gateway.log.request_line()
    assert line["request_id"] == "mine-1"


async def test_each_request_has_one_line_with_its_id() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        await one_id(place)
        await asyncio.gather(*(ask(place.gateway, REQUEST) for _ in range(5)))
        await place.gateway.log.request_line(5)
        ids = [(await place.gateway.log.request_line(number))["request_id"] for number in range(6)]
        assert len(ids) == len(set(ids)) == 6
