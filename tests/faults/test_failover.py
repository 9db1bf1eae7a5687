"""Faults of one upstream while others could answer (U1, U2, U8, U20, U21), over real sockets, in both APIs."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from gateway.access.issuing import add_key
from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import running_gateway
from tests.fakes.local_gateway import OUTPUT, PROMPT, provider_table
from tests.fakes.ports import free_port
from tests.fakes.upstream import Script, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, ask, listed_models
from tests.faults.shared_gateway import SHARED, Gateway

ROLE = chat.chunk({"role": "assistant", "content": ""})
GOOD = Script.of(chat.text_stream(OUTPUT))
STREAM: JSONObject = {"model": "coder", "input": PROMPT, "stream": True}
CHAT: JSONObject = {"model": "coder", "messages": [{"role": "user", "content": PROMPT}], "stream": True}
REQUESTS = {"/responses": STREAM, "/chat/completions": CHAT}
BOTH = pytest.mark.parametrize("path", REQUESTS)


@dataclass(slots=True)
class Pair:
    """A gateway with the alias `coder` for two upstreams."""

    gateway: Gateway
    first: Upstream
    second: Upstream

    async def ask(self, path: str = "/responses") -> tuple[int, dict[str, str], bytes]:
        return await ask(self.gateway, REQUESTS[path], path=path)


@asynccontextmanager
async def pair(
    *scripts: Script, targets: Sequence[object] = ("first/m", "second/m"), **limits: object
) -> AsyncIterator[Pair]:
    """The first upstream follows the scripts, the second is good."""
    async with running_upstream() as first, running_upstream() as second:
        first.answer(*scripts)
        second.answer(GOOD)
        providers = [
            provider_table(first.base_url, name="first", **limits),
            provider_table(second.base_url, name="second", **limits),
        ]
        alias: JSONObject = {"id": "coder", "targets": list(targets)}
        async with SHARED.configured(*providers, aliases=(alias,)) as gateway:
            yield Pair(gateway, first, second)


FAULTS = {
    "error in the stream": Script.of(ROLE + chat.frame({"error": {"message": "oom", "code": "oom"}})),
    "empty": Script.of(b""),
    "empty completion": Script.of(ROLE + chat.ending()),
    "cut": Script.of("headers", "cut"),
    "reset": Script.of("headers", "reset"),
    "cut after the role": Script.of(ROLE, "cut"),
    "HTML": Script((b"<html></html>",), 200, "text/html"),
    "redirect": Script((), 302, "text/plain", {"Location": "http://127.0.0.1:1/"}),
    "500": Script.json(chat.error_body("broken"), status=500),
    "503": Script.json(chat.error_body("busy"), status=503),
    "429": Script.json(chat.error_body("slow down"), status=429),
    "401": Script.json(chat.error_body("bad key"), status=401),
    "404": Script.json(chat.error_body("no such model"), status=404),
}
BEFORE_THE_FIRST_BYTE = [
    name for name in FAULTS if name not in ("error in the stream", "empty completion", "cut after the role")
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_another_upstream_answers_before_the_client_sees_anything(fault: str) -> None:
    async with pair(FAULTS[fault]) as place:
        started = time.monotonic()
        status, headers, body = await place.ask()
        assert time.monotonic() - started < 5
        assert (status, OUTPUT.encode() in body) == (200, True)
        assert headers["x-gateway-attempts"].endswith(", second/m:ok")
        line = await place.gateway.log.request_line()
        assert (line["termination"], line["provider"]) == ("completed", "second")
        assert line["attempts"] == headers["x-gateway-attempts"].split(", ")
        assert (len(place.first.received), len(place.second.received)) == (1, 1)


@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_BYTE)
async def test_a_chat_request_goes_on_before_the_first_byte(fault: str) -> None:
    async with pair(FAULTS[fault]) as place:
        status, headers, body = await place.ask("/chat/completions")
        assert (status, body) == (200, chat.text_stream(OUTPUT))
        assert headers["x-gateway-attempts"].endswith(", second/m:ok")


@pytest.mark.case("U1")
@BOTH
async def test_u1_a_refused_connection_costs_no_time(path: str) -> None:
    down = provider_table(f"http://127.0.0.1:{free_port()}/v1", name="down")
    alias: JSONObject = {"id": "coder", "targets": ["down/m", "up/m"]}
    async with running_upstream() as upstream:
        upstream.answer(GOOD)
        async with SHARED.configured(down, provider_table(upstream.base_url), aliases=(alias,)) as gateway:
            await ask(gateway, REQUESTS[path], path=path)
            started = time.monotonic()
            status, headers, _ = await ask(gateway, REQUESTS[path], path=path)
            assert (status, time.monotonic() - started < 2) == (200, True)
            assert headers["x-gateway-attempts"] == "down/m:upstream_connect, up/m:ok"


@pytest.mark.case("U2")
@BOTH
async def test_u2_silence_is_stepped_around_after_its_limit(path: str) -> None:
    async with pair(Script.of("hang"), first_byte_timeout_seconds=0.6) as place:
        status, headers, _ = await place.ask(path)
        assert (status, headers["x-gateway-attempts"]) == (200, "first/m:upstream_idle, second/m:ok")
        await place.first.last.wait_until_left()


@pytest.mark.case("U8", "U21")
async def test_u8_u21_after_the_first_word_nobody_else_is_asked() -> None:
    async with pair(Script.of(FIRST, 0.05, "reset")) as place:
        status, headers, body = await place.ask()
        assert (status, headers["x-gateway-attempts"]) == (200, "first/m:ok")
        assert b"event: response.failed" in body
        assert place.second.received == []
        line = await place.gateway.log.request_line()
        assert (line["termination"], line["attempts"]) == ("upstream_reset", ["first/m:upstream_reset"])


@BOTH
async def test_the_same_upstream_is_asked_again_when_nobody_else_is_there(path: str) -> None:
    async with pair(FAULTS["503"], GOOD, targets=["first/m"]) as place:
        status, headers, _ = await place.ask(path)
        assert (status, headers["x-gateway-attempts"]) == (200, "first/m:503, first/m:ok")


@pytest.mark.case("U21")
async def test_u21_one_upstream_is_asked_twice_at_most() -> None:
    async with pair(FAULTS["503"], targets=["first/m"]) as place:
        status, headers, _ = await place.ask()
        assert (status, headers["x-gateway-attempts"]) == (503, "first/m:503, first/m:503")
        assert len(place.first.received) == 2


@pytest.mark.case("U21")
async def test_u21_tries_again_stay_within_their_budget() -> None:
    async with pair(FAULTS["503"], targets=["first/m"], breaker_failures=0, retry_pause_seconds=0.001) as place:
        for _ in range(40):
            await place.ask()
        assert len(place.first.received) <= 40 * 1.2 + 3


@pytest.mark.case("U20")
@BOTH
async def test_u20_five_failures_open_the_breaker_and_one_probe_closes_it(path: str, figures: Figures) -> None:
    limits: JSONObject = {"max_tries": 1, "breaker_cooldown_seconds": 0.5}
    async with pair(*[FAULTS["503"]] * 5, GOOD, targets=["first/m"], **limits) as place:
        for _ in range(5):
            assert (await place.ask(path))[0] == 503
        status, headers, body = await place.ask(path)
        assert (status, orjson.loads(body)["error"]["code"]) == (503, "upstream_unreachable")
        assert (headers["retry-after"], headers["x-gateway-attempts"]) == ("1", "first/m:breaker_open")
        line = await place.gateway.log.request_line(5)
        assert (line["termination"], len(place.first.received)) == ("shed", 5)
        figures.note("U20", "refused after", float(line["seconds"]) * 1000, "ms")
        assert float(line["seconds"]) < 1
        await answered_again(place, path)
        assert len(place.first.received) == 6


async def answered_again(place: Pair, path: str) -> None:
    async with asyncio.timeout(5):
        while True:
            if (await place.ask(path))[0] == 200:
                return
            await asyncio.sleep(0.02)


@BOTH
async def test_an_upstream_gets_no_more_than_it_can_take_and_the_rest_waits(path: str) -> None:
    most, now = 0, 0

    async def one(place: Pair) -> int:
        return (await place.ask(path))[0]

    async with pair(Script.of(0.02, chat.text_stream(OUTPUT)), targets=["first/m"], max_concurrency=2) as place:
        tasks = [asyncio.create_task(one(place)) for _ in range(10)]
        while not all(task.done() for task in tasks):
            now = sum(not received.finished.is_set() for received in place.first.received)
            most = max(most, now)
            await asyncio.sleep(0.002)
        assert [task.result() for task in tasks] == [200] * 10
        assert most <= 2
        assert await place.gateway.metric("gateway_upstream_requests") == 0
        assert await place.gateway.metric("gateway_upstream_queued") == 0


@BOTH
async def test_a_full_queue_is_a_503_or_another_target(path: str) -> None:
    limits: JSONObject = {"max_concurrency": 1, "queue_size": 0}
    async with pair(Script.of("hang"), **limits) as place:
        busy = asyncio.create_task(ask(place.gateway, {**REQUESTS[path], "model": "first/m"}, path=path))
        await place.first.request()
        assert (await place.ask(path))[1]["x-gateway-attempts"] == "first/m:queue_full, second/m:ok"
        status, headers, body = await ask(place.gateway, {**REQUESTS[path], "model": "first/m"}, path=path)
        assert (status, orjson.loads(body)["error"]["code"]) == (503, "server_is_overloaded")
        assert headers["retry-after"] == "5"
        busy.cancel()
        await place.first.last.wait_until_left()
        place.first.answer(GOOD)
        await place.gateway.wait_for_requests(0)
        assert (await place.ask(path))[1]["x-gateway-attempts"] == "first/m:ok"


async def test_a_conversation_stays_at_its_replica_and_conversations_are_shared() -> None:
    async with pair(GOOD, targets=[("first/m", "second/m")]) as place:
        used = set()
        for number in range(12):
            request = STREAM | {"prompt_cache_key": f"session {number}"}
            replicas = {(await ask(place.gateway, request))[1]["x-gateway-attempts"] for _ in range(2)}
            assert len(replicas) == 1
            used |= replicas
        assert used == {"first/m:ok", "second/m:ok"}


async def test_a_key_may_be_held_to_some_models(tmp_path: Path) -> None:
    text = add_key(tmp_path / "keys.toml", "held", models=("coder", "second/*"))
    async with running_upstream() as upstream:
        upstream.answer(GOOD)
        providers = [provider_table(upstream.base_url, name=name) for name in ("first", "second")]
        aliases = {"models": [{"id": "coder", "targets": ["first/m"]}]}
        async with running_gateway(tmp_path, providers, sections=aliases) as gateway:
            own = {"Authorization": f"Bearer {text}"}
            for model, expected in (("coder", 200), ("second/m", 200), ("first/m", 403), ("third/m", 404)):
                for route, request in REQUESTS.items():
                    answer = await ask(gateway, request | {"model": model}, path=route, headers=own)
                    assert answer[0] == expected, (model, route)
            assert await listed_models(gateway) == ["coder", "first/model", "second/model"]
            assert (await ask(gateway, STREAM | {"model": "first/m"}))[0] == 200


@BOTH
async def test_tokens_are_counted_by_key_model_and_provider(path: str) -> None:
    prices = {"m": {"input": 2, "output": 3}}
    async with pair(FAULTS["503"], prices=prices) as place:
        before = await counted(place.gateway)
        await place.ask(path)
        line = await place.gateway.log.request_line()
        assert (line["input_tokens"], line["output_tokens"], line["usage_estimated"]) == (11, 7, False)
        assert line["cost"] == pytest.approx(43e-6)
        after = await counted(place.gateway)
        assert [one - other for one, other in zip(after, before, strict=True)] == [1, 11, 7]


async def counted(gateway: Gateway) -> list[float]:
    """Requests, tokens in, tokens out."""
    account = {"model": "coder", "provider": "second"}
    return [
        await gateway.metric("gateway_usage_requests_total", **account),
        await gateway.metric("gateway_tokens_total", **account, direction="input"),
        await gateway.metric("gateway_tokens_total", **account, direction="output"),
    ]


@BOTH
async def test_a_client_that_leaves_early_is_counted_with_a_guess(path: str) -> None:
    many = chat.chunk({"content": "word"}) * 50
    async with pair(Script.of(many, "hang"), targets=["first/m"]) as place:
        task = asyncio.create_task(place.ask(path))
        await place.first.request()
        await asyncio.sleep(0.1)
        task.cancel()
        await place.first.last.wait_until_left()
        line = await place.gateway.log.request_line()
        assert (line["termination"], line["usage_estimated"], line["output_tokens"]) == ("client_gone", True, 50)
        assert line["input_tokens"] > 0
