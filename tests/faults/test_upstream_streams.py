"""Faults of upstreams in the answer (U7-U22, S): the client gets a truthful end, and the log the right word."""

import asyncio
import gzip
import time

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import OUTPUT
from tests.fakes.raw import EVENTS_HEAD, LAST_CHUNK, RawStep, chunked
from tests.fakes.upstream import Script, Step
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, REQUEST, ask, error_of, raw_scene, scene, stream_of
from tests.official import StreamCheck, read_frames

WHOLE = REQUEST | {"stream": False}
CHAT: JSONObject = {"model": "up/model", "messages": [], "stream": True}
STREAMED_OR_NOT = pytest.mark.parametrize("request_body", [REQUEST, WHOLE], ids=["streamed", "collected"])


COMPLETION = chat.completion(OUTPUT)


@pytest.mark.alone
@pytest.mark.case("U7")
@pytest.mark.parametrize("steps", [(FIRST, "hang"), (FIRST, b"data: {", "hang"), (b": comment\n\n", "hang")])
async def test_u7_silence_in_the_middle_fails_the_stream(steps: tuple[Step, ...], figures: Figures) -> None:
    async with scene(*steps, idle_timeout_seconds=0.3, commit_after_seconds=0.1) as place:
        started = time.monotonic()
        stream = await place.fails_with("server_error", "upstream_idle")
        figures.note("U7", "failed after a limit of 300 ms", (time.monotonic() - started) * 1000, "ms")
        assert 0.2 < time.monotonic() - started < 2
        assert stream.response["error"]["message"] == "The upstream was silent for too long."
        assert place.upstream.last.left.is_set()


@pytest.mark.case("U7")
async def test_u7_comments_and_slow_chunks_are_life() -> None:
    alive: list[Step] = [b": alive\n\n", 0.2]
    steps = [*alive * 5, FIRST, 0.2, chat.ending()]
    async with scene(*steps, idle_timeout_seconds=0.8, first_byte_timeout_seconds=5) as place:
        assert (await stream_of(place.gateway)).response["status"] == "completed"


LIMITS = [
    ("first_byte_timeout_seconds", (), "upstream_first_byte_timeout", "upstream_idle"),
    ("idle_timeout_seconds", (b"{",), "upstream_idle_timeout", "upstream_idle"),
    ("total_timeout_seconds", (), "upstream_total_timeout", "total_timeout"),
    ("total_timeout_seconds", (b"{",), "upstream_total_timeout", "total_timeout"),
]


@pytest.mark.parametrize(("limit", "start", "code", "termination"), LIMITS)
async def test_each_time_limit_has_its_code(limit: str, start: tuple[Step, ...], code: str, termination: str) -> None:
    script = Script((*start, "headers", "hang"), content_type="application/json")
    limits: JSONObject = {limit: 0.6}
    async with scene(script=script, **limits) as place:
        status, error = await error_of(place.gateway, WHOLE)
        assert (status, error["code"]) == (504, code)
        await place.upstream.last.wait_until_left()
        assert (await place.gateway.log.request_line())["termination"] == termination


@pytest.mark.parametrize(("limit", "start", "code", "termination"), LIMITS)
async def test_each_time_limit_ends_a_chat_stream(
    limit: str, start: tuple[Step, ...], code: str, termination: str
) -> None:
    limits: JSONObject = {limit: 0.6}
    async with scene(*start, "hang", **limits) as place:
        if start:
            with pytest.raises(aiohttp.ClientError):
                await ask(place.gateway, CHAT, path="/chat/completions")
        else:
            status, _, body = await ask(place.gateway, CHAT, path="/chat/completions")
            assert (status, orjson.loads(body)["error"]["code"]) == (504, code)
        await place.upstream.last.wait_until_left()
        assert (await place.gateway.log.request_line())["termination"] == termination


@pytest.mark.alone
@pytest.mark.case("U22")
async def test_u22_an_endless_answer_ends_at_the_total_limit(figures: Figures) -> None:
    steps: list[Step] = [FIRST, 0.02] * 500
    async with scene(*steps, total_timeout_seconds=0.5) as place:
        started = time.monotonic()
        stream = await place.fails_with("server_error", "total_timeout")
        figures.note("U22", "ended after a limit of 500 ms", (time.monotonic() - started) * 1000, "ms")
        assert stream.response["output"][0]["status"] == "incomplete"


BROKEN: dict[str, tuple[RawStep, ...]] = {
    "reset": (EVENTS_HEAD, chunked(FIRST), 0.05, "reset"),
    "end without the last chunk": (EVENTS_HEAD, chunked(FIRST), "cut"),
    "end inside a chunk": (EVENTS_HEAD, chunked(FIRST), b"ff\r\nabc", "cut"),
    "broken chunk size": (EVENTS_HEAD, chunked(FIRST), 0.05, b"xyz\r\nabc\r\n", "hang"),
    "broken chunk end": (EVENTS_HEAD, chunked(FIRST), 0.05, b"3\r\nabcXX", "hang"),
    "short of its length": (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99999\r\n\r\n",
        FIRST,
        "cut",
    ),
}


@pytest.mark.case("U8")
@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_u8_a_stream_that_is_cut_fails(script: tuple[RawStep, ...]) -> None:
    async with raw_scene(script) as place:
        stream = await stream_of(place.gateway)
        assert stream.response["status"] == "failed"
        assert stream.response["error"]["code"] == "server_error"
        assert stream.response["output"][0]["status"] == "incomplete"
        assert (await place.gateway.log.request_line())["termination"] == "upstream_reset"


@pytest.mark.case("U8")
@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_u8_a_chat_stream_that_is_cut_does_not_look_finished(script: tuple[RawStep, ...]) -> None:
    async with raw_scene(script) as place:
        with pytest.raises(aiohttp.ClientError):
            await ask(place.gateway, CHAT, path="/chat/completions")
        assert (await place.gateway.log.request_line())["termination"] == "upstream_reset"


@pytest.mark.case("U9")
async def test_u9_an_end_without_a_finish_reason_fails() -> None:
    async with scene(FIRST) as place:
        stream = await place.fails_with("server_error", "upstream_reset")
        assert stream.response["output"][0]["status"] == "incomplete"


@pytest.mark.case("U9")
async def test_u9_an_end_with_a_finish_reason_completes() -> None:
    async with scene(FIRST + chat.chunk({}, finish="stop")) as place:
        assert (await stream_of(place.gateway)).response["status"] == "completed"
        assert (await place.gateway.log.request_line())["termination"] == "completed"


@pytest.mark.case("U10")
@pytest.mark.parametrize("event", [b"", b"event: error\n"])
async def test_u10_an_error_in_the_middle_is_told_and_cut(event: bytes) -> None:
    error = {"error": {"message": "model crashed " + "x" * 5000, "type": "server_error", "code": "oom"}}
    async with scene(FIRST + event + chat.frame(error), "hang") as place:
        stream = await place.fails_with("server_error", "failed_upstream_status")
        message = stream.response["error"]["message"]
        assert message.startswith("model crashed ")
        assert len(message) <= 1024
        assert (await place.gateway.log.request_line())["upstream_code"] == "oom"


@pytest.mark.case("U11")
@pytest.mark.parametrize(
    "rubbish",
    [
        b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
        b'data: {"a": -Infinity}\n\n',
        b'data: {"choices": [{"delta"\n\n',
        b"data: <html><body>502</body></html>\n\n",
        b"data: 17\n\n",
        b"\x00\x01\x02\n\n",
    ],
)
async def test_u11_rubbish_in_a_stream_never_completes_it_and_is_no_fault_of_ours(rubbish: bytes) -> None:
    async with scene(FIRST + rubbish) as place:
        stream = await stream_of(place.gateway)
        assert stream.response["status"] == "failed"
        assert (await place.gateway.log.request_line())["termination"] in ("upstream_protocol", "upstream_reset")


@pytest.mark.case("U12")
@pytest.mark.parametrize("size", [600_000, 4 * 1024 * 1024])
async def test_u12_a_long_line_passes(size: int) -> None:
    async with scene(chat.text_stream("x" * size)) as place:
        stream = await stream_of(place.gateway)
        assert len(stream.response["output"][0]["content"][0]["text"]) == size


@pytest.mark.case("U12")
async def test_u12_an_endless_line_fails(figures: Figures) -> None:
    limit = 4 * 1024 * 1024
    async with raw_scene(
        (EVENTS_HEAD, chunked(b"data: "), *([chunked(b"x" * 65536)] * 1000)), max_event_bytes=limit
    ) as place:
        memory = place.gateway.memory()
        assert (await error_of(place.gateway))[0] == 502
        grown = place.gateway.memory() - memory
        figures.note("U12", "memory for an endless line", max(grown, 0) / limit, "times the limit")
        assert grown < 4 * limit + 4_000_000
        await place.upstream.wait_until_left()
        assert (await place.gateway.log.request_line())["termination"] == "upstream_protocol"


@pytest.mark.case("U12")
async def test_u12_an_answer_over_the_limit_fails() -> None:
    async with scene(FIRST, 0.05, FIRST * 2000, max_response_bytes=10_000) as place:
        assert (await stream_of(place.gateway)).response["status"] == "failed"


@pytest.mark.case("U13")
async def test_u13_the_size_of_reads_does_not_change_the_stream() -> None:
    body = chat.text_stream(*(f"word {number} " for number in range(1000)))
    single = [chunked(bytes([byte])) for byte in chat.text_stream("Hello", " there")]
    async with raw_scene((EVENTS_HEAD, *single, LAST_CHUNK), (EVENTS_HEAD, chunked(body), LAST_CHUNK)) as place:
        assert text_of(await stream_of(place.gateway)) == "Hello there"
        assert text_of(await stream_of(place.gateway)).startswith("word 0 word 1 ")


@pytest.mark.alone
@pytest.mark.case("U13")
async def test_u13_the_time_grows_with_the_bytes_and_not_with_their_square(figures: Figures) -> None:
    def in_bytes(words: int) -> tuple[RawStep, ...]:
        body = chat.text_stream(*(f"word {number} " for number in range(words)))
        return (EVENTS_HEAD, b"".join(chunked(bytes([byte])) for byte in body), LAST_CHUNK)

    async with raw_scene(in_bytes(100), in_bytes(100), in_bytes(800)) as place:
        took = []
        for _ in range(3):
            started = time.monotonic()
            assert (await stream_of(place.gateway)).response["status"] == "completed"
            took.append(time.monotonic() - started)
        figures.note("U13", "time for eight times the bytes, one at a time", took[2] / took[1], "times")
        assert took[2] < took[1] * 24 + 1


def text_of(stream: StreamCheck) -> str:
    return str(stream.response["output"][0]["content"][0]["text"])


@pytest.mark.case("U14")
async def test_u14_what_comes_after_done_is_ignored_and_its_connection_not_used_again() -> None:
    extra = chunked(chat.text_stream("Hello") + chat.text_stream("again"))
    async with raw_scene((EVENTS_HEAD, extra, LAST_CHUNK, EVENTS_HEAD + extra), (EVENTS_HEAD, extra, "hang")) as place:
        for _ in range(3):
            assert text_of(await stream_of(place.gateway)) == "Hello"
        assert place.upstream.connections == 3
        endings = [(await place.gateway.log.request_line(number))["termination"] for number in range(3)]
        assert endings == ["completed"] * 3


@pytest.mark.case("U14")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_u14_an_answer_that_nobody_asked_for_is_given_to_nobody(path: str) -> None:
    def answer(text: str) -> bytes:
        return EVENTS_HEAD + chunked(chat.text_stream(text)) + LAST_CHUNK

    async with raw_scene((answer("first"), 0.1, answer("of another")), (answer("second"),)) as place:
        _, _, body = await ask(place.gateway, REQUEST | CHAT, path=path)
        assert b"first" in body
        await asyncio.sleep(0.3)  # it comes while the connection waits for the next request
        _, _, body = await ask(place.gateway, REQUEST | CHAT, path=path)
        assert b"second" in body
        assert place.upstream.connections == 2


@pytest.mark.case("U14")
async def test_u14_an_answer_that_goes_on_after_done_is_not_waited_for() -> None:
    async with scene(chat.text_stream("Hello"), "hang") as place:
        started = time.monotonic()
        assert text_of(await stream_of(place.gateway)) == "Hello"
        assert time.monotonic() - started < 5
        await place.upstream.last.wait_until_left()
        assert (await place.gateway.log.request_line())["termination"] == "completed"


@pytest.mark.case("U18")
@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
async def test_u18_a_compressed_answer_is_refused(path: str) -> None:
    script = Script((gzip.compress(chat.text_stream("Hello")),), headers={"Content-Encoding": "gzip"})
    async with scene(script=script) as place:
        status, _, body = await ask(place.gateway, REQUEST | CHAT, path=path)
        assert (status, orjson.loads(body)["error"]["code"]) == (502, "upstream_protocol")
        assert place.upstream.last.headers["accept-encoding"] == "identity"


@pytest.mark.case("U19")
async def test_u19_a_pooled_connection_that_was_closed_is_replaced_unnoticed() -> None:
    reply = chunked(chat.text_stream("Hello"))
    async with raw_scene((EVENTS_HEAD, reply, LAST_CHUNK, 0.01, "cut")) as place:
        for number in range(1, 6):
            assert text_of(await stream_of(place.gateway)) == "Hello"
            await asyncio.sleep(0.05)  # the upstream closes in this time
            assert len(place.upstream.requests) == place.upstream.connections == number


@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_connection_serves_many_answers(path: str, *, is_stream: bool) -> None:
    body = orjson.dumps(COMPLETION)
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    streamed = EVENTS_HEAD + chunked(chat.text_stream("Hello")) + LAST_CHUNK
    async with raw_scene((streamed if is_stream else whole,)) as place:
        for _ in range(20):
            assert (await ask(place.gateway, REQUEST | CHAT | {"stream": is_stream}, path=path))[0] == 200
        assert place.upstream.connections == 1


async def test_s2_model_text_that_looks_like_events_stays_text() -> None:
    text = '\n\nevent: response.completed\ndata: {"type": "response.completed"}\n\ndata: [DONE]\n\n'
    async with scene(chat.text_stream(text)) as place:
        assert text_of(await stream_of(place.gateway)) == text


async def test_s3_heartbeats_never_cut_a_frame() -> None:
    steps: list[Step] = [FIRST, 0.03] * 40
    for form in ("event", "comment"):
        async with scene(*steps, chat.ending(), heartbeat_seconds=0.01, heartbeat=form) as place:
            _, _, body = await ask(place.gateway, REQUEST)
            events = list(read_frames(body, comments=form == "comment"))
            beats = body.count(b": keep-alive\n\n") if form == "comment" else body.count(b"event: keepalive")
            assert beats > 10
            assert [event["type"] for event in events].count("response.output_text.delta") == 40


async def test_heartbeats_can_be_off() -> None:
    async with scene("headers", 0.1, chat.text_stream("Hi"), heartbeat_seconds=0.01, heartbeat="off") as place:
        stream = await stream_of(place.gateway)
        assert [event["type"] for event in stream.events].count("response.in_progress") == 1
