"""The limits of a key as its clients meet them: on a real socket, with every way that a request can end."""

import asyncio
import random
from pathlib import Path

import aiohttp
import orjson
import pytest
from msgspec.structs import replace
from openai import AsyncOpenAI, RateLimitError

from gateway.access.keys import from_environment
from gateway.codec.json import JSONObject
from gateway.settings import LimitsSettings
from gateway.web.services import SERVICES
from tests.clients.sdk_place import until_over
from tests.fakes import chat
from tests.fakes.local_gateway import KEY, OUTPUT, PROMPT, LocalGateway, local_gateway, provider
from tests.fakes.raw import connection, http
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.official import check_error, check_stream
from tests.web.gateways import ANSWER, REQUEST, limited, post

CHAT: JSONObject = {"model": "up/model", "messages": [{"role": "user", "content": PROMPT}]}


def running(gateway: LocalGateway) -> int:
    """The answers that the limiter knows to be under way."""
    return gateway.app[SERVICES].limiter.running(from_environment(KEY).authenticate(f"Bearer {KEY}"))


async def until_idle(gateway: LocalGateway) -> None:
    """A request may be over a moment after its answer."""
    async with asyncio.timeout(WAIT):
        while True:
            if not running(gateway):
                return
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/responses", REQUEST),
        ("/responses", REQUEST | {"stream": True}),
        ("/responses", REQUEST | {"background": True}),
        ("/responses", {"model": "none/model", "input": PROMPT}),
        ("/responses", b"{"),
        ("/responses/compact", REQUEST),
        ("/responses/input_tokens", REQUEST),
        ("/chat/completions", CHAT),
        ("/chat/completions", CHAT | {"stream": True}),
        ("/chat/completions", {"model": "up/model", "messages": "none"}),
    ],
)
async def test_every_answer_tells_how_the_key_stands(path: str, body: JSONObject | bytes) -> None:
    async with limited(requests_per_minute=2, tokens_per_minute=1000) as (gateway, _):
        _, headers, _ = await post(gateway, body, path)
        assert headers["x-ratelimit-limit-requests"] == "2"
        assert headers["x-ratelimit-remaining-requests"] == "1"
        assert headers["x-ratelimit-reset-requests"].endswith("s")
        assert headers["x-ratelimit-limit-tokens"] == "1000"
        await post(gateway, body, path)
        status, headers, answer = await post(gateway, body, path)
        check_error(orjson.loads(answer))
        assert (status, orjson.loads(answer)["error"]["code"]) == (429, "rate_limit_exceeded")
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert 1 <= int(headers["retry-after"]) <= 121
        line = await gateway.log.request_line(2)
        assert (line["termination"], line["limit"]) == ("limited", "requests_per_minute")


async def test_what_is_stored_can_be_read_without_counting() -> None:
    async with limited(requests_per_minute=1) as (gateway, _):
        _, _, made = await post(gateway, REQUEST)
        async with aiohttp.ClientSession(headers=gateway.headers) as session:
            for path in ("/models", f"/responses/{orjson.loads(made)['id']}"):
                async with session.get(gateway.base_url + path) as answer:
                    assert answer.status == 200
                    assert not any(name.lower().startswith("x-ratelimit") for name in answer.headers)


async def test_the_tokens_of_one_answer_count_for_the_next_request() -> None:
    async with limited(tokens_per_minute=30) as (gateway, upstream):
        status, headers, _ = await post(gateway, {"model": "up/model", "input": "x"})
        assert status == 200
        await until_idle(gateway)
        _, headers, answer = await post(gateway, {"model": "up/model", "input": "x" * 60})
        assert headers["x-ratelimit-remaining-tokens"] == "12", "18 were used"
        assert orjson.loads(answer)["error"]["message"].startswith("This key has reached its limit of 30 tokens")
        _, headers, answer = await post(gateway, {"model": "up/model", "input": "x" * 600})
        assert "too large" in orjson.loads(answer)["error"]["message"]
        assert headers["x-should-retry"] == "false"
        assert len(upstream.received) == 1


async def test_a_request_that_fails_uses_no_tokens() -> None:
    async with limited(tokens_per_minute=1000) as (gateway, upstream):
        upstream.answer(Script.json(chat.error_body("no"), status=400))
        for _ in range(3):
            await post(gateway, REQUEST)
        _, headers, _ = await post(gateway, {"model": "none/model", "input": PROMPT})
        assert headers["x-ratelimit-remaining-tokens"] == "1000"


@pytest.mark.case("T11")
@pytest.mark.parametrize("members", [{}, {"stream": True}, {"background": True}, {"background": True, "stream": True}])
async def test_exactly_so_many_answers_run_at_once(members: JSONObject) -> None:
    """Of N + k requests N pass, whatever form they have, and all places come back."""
    passing, more = 5, 4
    async with limited(max_concurrency=passing) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.4, chat.ending()))
        answers = await asyncio.gather(*(post(gateway, REQUEST | members) for _ in range(passing + more)))
        assert sorted(status for status, _, _ in answers) == [200] * passing + [429] * more
        assert {headers["retry-after"] for status, headers, _ in answers if status == 429} == {"1"}
        await until_idle(gateway)
        assert (await post(gateway, REQUEST | members))[0] == 200


async def test_a_background_response_holds_its_place_and_tokens_until_it_is_over() -> None:
    async with limited(max_concurrency=1, tokens_per_minute=1000) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.3, chat.ending()))
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as sdk:
            made = await sdk.responses.create(model="up/model", input=PROMPT, background=True)
            assert running(gateway) == 1
            assert (await post(gateway, REQUEST))[0] == 429
            assert (await until_over(sdk, made.id)).status == "completed"
        await until_idle(gateway)
        _, headers, _ = await post(gateway, {"model": "none/model", "input": PROMPT})
        assert headers["x-ratelimit-remaining-tokens"] == str(1000 - 18)


async def test_a_background_response_that_cannot_start_holds_nothing() -> None:
    async with limited(max_concurrency=2) as (gateway, _):
        status, _, _ = await post(gateway, REQUEST | {"background": True, "store": False})
        assert status == 400
        assert running(gateway) == 0


ENDINGS: tuple[Script, ...] = (
    ANSWER,
    Script.of("cut"),
    Script.of(chat.chunk({"content": OUTPUT}), "cut"),
    Script.of(chat.chunk({"content": OUTPUT}), "reset"),
    Script.json(chat.error_body("no"), status=503),
    Script.json(chat.error_body("no"), status=400),
    Script.of(chat.chunk({"content": OUTPUT}), "hang"),
    Script.of("hang"),
)


@pytest.mark.case("T11")
async def test_every_ending_gives_the_place_back() -> None:
    """Streams and answers that end well, break, are refused, or whose clients leave at any moment."""
    async with limited(0.2, max_concurrency=1000, requests_per_minute=10**6, tokens_per_minute=10**9) as (gateway, up):
        gateway.log.allowed_errors.add("Error handling request from 127.0.0.1")  # the upstream's, when it is left
        chance = random.Random(7)
        up.respond(lambda _: chance.choice(ENDINGS))

        async def one() -> None:
            path, body = chance.choice((("/responses", REQUEST), ("/chat/completions", CHAT)))
            members: JSONObject = chance.choice(({}, {"stream": True}, {"background": True}))
            try:
                async with asyncio.timeout(chance.choice((0.005, 0.02, 0.1))):
                    await post(gateway, body | members, path)
            except (TimeoutError, aiohttp.ClientError):
                return

        for _ in range(6):
            await asyncio.gather(*(one() for _ in range(25)))
        await gateway.wait_for_requests(0)
        await until_idle(gateway)


async def test_a_client_that_leaves_gives_its_place_back_at_once() -> None:
    async with limited(max_concurrency=1) as (gateway, upstream):
        upstream.answer(Script.of("hang"))
        async with connection(gateway.port) as (_, writer):
            body = orjson.dumps(REQUEST | {"stream": True})
            writer.write(http("POST", "/v1/responses", body, key=KEY))
            await upstream.request()
            assert running(gateway) == 1
        await until_idle(gateway)


async def test_other_limits_are_taken_over_while_requests_run() -> None:
    async with limited(max_concurrency=1) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.3, chat.ending()))
        stream = asyncio.create_task(post(gateway, REQUEST | {"stream": True}))
        await upstream.request()
        assert (await post(gateway, REQUEST))[0] == 429
        current = gateway.app[SERVICES].current
        await current.replace(replace(current.settings, limits=LimitsSettings(max_concurrency=2)))
        assert (await post(gateway, REQUEST))[0] == 200
        status, _, body = await stream
        assert (status, check_stream(body).response["status"]) == (200, "completed")


async def test_refusals_are_counted_by_their_limit() -> None:
    async with limited(requests_per_minute=1) as (gateway, _):
        for _ in range(3):
            await post(gateway, REQUEST)
        registry = gateway.app[SERVICES].metrics.registry
        assert registry.get_sample_value("gateway_refused_requests_total", {"limit": "requests_per_minute"}) == 2


async def test_a_spent_budget_is_no_matter_for_another_try(tmp_path: Path) -> None:
    """The SDK gives up at once, and a restart changes nothing."""
    file = str(tmp_path / "budgets.json")
    async with limited(tokens_per_month=18, budgets_file=file) as (gateway, upstream):
        assert (await post(gateway, REQUEST | {"stream": True}))[0] == 200
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=5) as sdk:
            with pytest.raises(RateLimitError) as refused:
                await sdk.responses.create(model="up/model", input=PROMPT)
        assert (refused.value.type, refused.value.code) == ("insufficient_quota", "insufficient_quota")
        assert len(gateway.log.entries()) == 2
        assert (await gateway.log.request_line(1))["termination"] == "limited"
        assert len(upstream.received) == 1
    async with limited(tokens_per_month=18, budgets_file=file) as (gateway, upstream):
        assert (await post(gateway, REQUEST))[0] == 429
        assert not upstream.received


async def test_money_is_counted_by_the_prices_of_the_provider() -> None:
    prices = {"*": {"input": 1000, "output": 1000}}
    async with running_upstream() as upstream:
        behind = provider(upstream.base_url, prices=prices)
        upstream.answer(ANSWER)
        async with local_gateway(behind, limits={"cost_per_day": 0.018}) as gateway:
            assert (await post(gateway, REQUEST | {"background": True}))[0] == 200
            await gateway.wait_for_requests(0)
            status, _, body = await post(gateway, REQUEST)
            assert (status, orjson.loads(body)["error"]["code"]) == (429, "insufficient_quota")


async def test_the_sdk_waits_for_a_place_and_gets_it() -> None:
    async with limited(max_concurrency=1) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": OUTPUT}), 0.5, chat.ending()))
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=3) as sdk:
            both = [sdk.responses.create(model="up/model", input=PROMPT) for _ in range(2)]
            answers = await asyncio.gather(*both)
        assert {answer.output_text for answer in answers} == {OUTPUT}
        assert sorted(entry["status"] for entry in gateway.log.entries()) == [200, 200, 429]
