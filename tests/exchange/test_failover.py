"""What happens between the targets of one exchange, until the first word of an answer and after it."""

import asyncio

import orjson
import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.exchange import Exchange
from gateway.exchange.running import RunningExchanges
from tests.exchange.worlds import Client, Piece, exchange, in_succession, targets_of, upstream
from tests.fakes import chat
from tests.official import StreamCheck, check_stream

HELLO: list[Piece] = [chat.text_stream("Hello")]
FIRST = chat.chunk({"content": "a"})
ROLE = chat.chunk({"role": "assistant", "content": ""})
BUSY = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "busy", upstream_code="503", upstream_status=503, is_reported=True)
DEAD = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "dead", upstream_code="ClientConnectorError")
CUT = GatewayError(ErrorKind.UPSTREAM_ERROR, "cut", upstream_code="cut_off")
ERROR = chat.frame({"error": {"message": "out of memory", "code": "oom"}})
BEFORE_ANY_WORD: dict[str, list[Piece] | BaseException] = {
    "error in the stream": [ROLE + ERROR],
    "event of an error": [b"event: error\n" + ERROR],
    "cut": [ROLE, CUT],
    "end without an end": [ROLE],
    "nothing": [b""],
    "an empty completion": [ROLE + chat.ending()],
    "a page of HTML": [b"<html>", b"</html>"],
    "no JSON": [b"data: {oops\n\n"],
    "busy": BUSY,
    "dead": DEAD,
    "credentials": GatewayError(ErrorKind.UPSTREAM_CREDENTIALS, "", upstream_status=401, is_reported=True),
    "quota": GatewayError(ErrorKind.INSUFFICIENT_QUOTA, "", upstream_status=402, is_reported=True),
    "no such model": GatewayError(ErrorKind.MODEL_NOT_FOUND, "", upstream_status=404, is_reported=True),
    "broken": GatewayError(ErrorKind.UPSTREAM_ERROR, "", upstream_code="500", upstream_status=500, is_reported=True),
}
ANSWERS = pytest.mark.parametrize("first", BEFORE_ANY_WORD.values(), ids=BEFORE_ANY_WORD.keys())


async def streamed(running: Exchange, client: Client | None = None, *, commit_after: float = 1) -> StreamCheck:
    client = client or Client()
    await running.stream(client, commit_after=commit_after)
    assert client.is_finished
    assert client.starts == 1
    return check_stream(client.body)


def text_of(stream: StreamCheck) -> str:
    assert stream.response["status"] == "completed"
    return str(stream.response["output"][0]["content"][0]["text"])


@ANSWERS
async def test_another_target_answers_instead(first: list[Piece] | BaseException) -> None:
    second = upstream(HELLO, name="second")
    running, client = exchange(upstream(first), second), Client()
    assert text_of(await streamed(running, client)) == "Hello"
    name, attempts = client.headers[-1]
    assert name == "x-gateway-attempts"
    assert attempts.startswith("up/model:")
    assert attempts.endswith(", second/model:ok")
    assert running.outcome.attempts == attempts.split(", ")
    assert (running.outcome.termination, running.outcome.upstream_code) == ("completed", None)


@ANSWERS
async def test_another_target_answers_a_stream_that_is_open_already(first: list[Piece] | BaseException) -> None:
    client = Client()
    slow = upstream(first, wait=0.05)
    stream = await streamed(exchange(slow, upstream(HELLO, name="second")), client, commit_after=0.01)
    assert text_of(stream) == "Hello"
    assert client.headers[-1] == ("x-gateway-attempts", "up/model:waiting")


@ANSWERS
async def test_another_target_answers_a_request_that_is_collected(first: list[Piece] | BaseException) -> None:
    response = orjson.loads(await exchange(upstream(first), upstream(HELLO), stream=False).collect())
    assert response["output"][0]["content"][0]["text"] == "Hello"


FAILURES = [case for case in BEFORE_ANY_WORD.items() if case[0] != "an empty completion"]


@pytest.mark.parametrize("first", [case for _, case in FAILURES], ids=[name for name, _ in FAILURES])
async def test_a_failure_before_any_word_is_an_http_error_if_nobody_else_answers(
    first: list[Piece] | BaseException,
) -> None:
    client = Client()
    with pytest.raises(GatewayError) as caught:
        await exchange(upstream(first, max_tries=1)).stream(client, commit_after=1)
    assert client.writes == 0
    assert caught.value.headers["x-gateway-attempts"].startswith("up/model:")


async def test_an_empty_completion_is_the_answer_if_nobody_else_has_one() -> None:
    empty = [ROLE + chat.ending()]
    assert text_of(await streamed(exchange(upstream(empty)))) == ""
    assert text_of(await streamed(exchange(upstream(DEAD, max_tries=1), upstream(empty)))) == ""


async def test_an_answer_that_is_cut_short_by_its_limit_is_one_however_empty() -> None:
    second = upstream(HELLO)
    stream = await streamed(exchange(upstream([chat.ending("length")]), second))
    assert stream.response["status"] == "incomplete"
    assert second.asked == []


async def test_reasoning_and_calls_are_words() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a"'}}
    for delta in ({"reasoning_content": "Hm."}, {"tool_calls": [call]}):
        second = upstream(HELLO)
        stream = await streamed(exchange(upstream([chat.chunk(delta), CUT]), second))
        assert stream.response["status"] == "failed"
        assert second.asked == []


async def test_after_the_first_word_nothing_is_repeated_and_the_end_is_truthful() -> None:
    second, client = upstream(HELLO), Client()
    running = exchange(upstream([FIRST, CUT], max_tries=3), second)
    stream = await streamed(running, client)
    assert stream.response["status"] == "failed"
    assert stream.response["output"][0]["status"] == "incomplete"
    assert second.asked == []
    assert client.headers == [("x-gateway-attempts", "up/model:ok")]
    assert running.outcome.attempts == ["up/model:upstream_reset"]
    assert running.outcome.termination == "upstream_reset"


async def test_the_same_is_asked_again_only_after_all_others() -> None:
    first, second = in_succession(BUSY, HELLO), upstream(DEAD, name="second", max_tries=1)
    running = exchange(first, second)
    assert text_of(await streamed(running)) == "Hello"
    assert running.outcome.attempts == ["up/model:503", "second/model:upstream_connect", "up/model:ok"]


async def test_all_requests_together_are_bounded() -> None:
    ups = [upstream(BUSY, max_tries=5, name=f"u{number}") for number in range(2)]
    with pytest.raises(GatewayError):
        await exchange(*ups, max_attempts=3).stream(Client(), commit_after=1)
    assert [len(one.asked) for one in ups] == [2, 1]


async def test_the_budget_bounds_what_is_asked_again() -> None:
    (target,) = targets_of(upstream(BUSY, max_tries=2, retry_pause_seconds=0, breaker_failures=0))
    for _ in range(50):
        with pytest.raises(GatewayError):
            await exchange(targets=[target]).stream(Client(), commit_after=1)
    assert 50 * 1.2 - 1 <= len(target.upstream.asked) <= 50 * 1.2 + 3


async def test_a_retry_after_within_the_limit_is_waited_for() -> None:
    limited = GatewayError(ErrorKind.RATE_LIMITED, "", retry_after=0.2, upstream_status=429, is_reported=True)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert text_of(await streamed(exchange(in_succession(limited, HELLO)))) == "Hello"
    assert 0.2 <= loop.time() - started < 5


async def test_a_retry_after_beyond_the_limit_is_passed_on() -> None:
    limited = GatewayError(ErrorKind.RATE_LIMITED, "", retry_after=60, upstream_status=429, is_reported=True)
    up = in_succession(limited, HELLO)
    with pytest.raises(GatewayError) as caught:
        await exchange(up).stream(Client(), commit_after=1)
    assert (caught.value.retry_after, len(up.asked)) == (60, 1)


async def test_the_next_target_gets_the_request_in_its_own_dialect() -> None:
    second = upstream(HELLO, name="second", quirks={"max_tokens_field": "max_completion_tokens"})
    await streamed(exchange(upstream(DEAD), second, max_output_tokens=9))
    assert second.asked[0]["max_completion_tokens"] == 9


async def test_a_target_that_cannot_be_asked_in_strict_mode_is_passed_over() -> None:
    wanted = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
    poor = upstream(HELLO, name="poor", quirks={"response_format": []})
    running = exchange(upstream(DEAD, max_tries=1), poor, is_strict=True, text=wanted)
    with pytest.raises(GatewayError) as caught:
        await running.stream(Client(), commit_after=1)
    assert caught.value is DEAD
    assert running.outcome.attempts == ["up/model:upstream_connect", "poor/model:client_error"]
    assert poor.asked == []


async def test_the_response_keeps_its_id_and_its_numbers_when_another_target_takes_over() -> None:
    client = Client()
    running = exchange(upstream([ROLE, 0.05, ERROR]), upstream(HELLO), metadata={"k": "v"})
    task = asyncio.create_task(running.stream(client, commit_after=0.01))
    await asyncio.sleep(0.03)
    client.body += running.keep_alive()
    await task
    stream = check_stream(client.body)
    assert text_of(stream) == "Hello"
    assert stream.types.count("response.in_progress") == 2


async def test_a_full_queue_is_stepped_around_at_once() -> None:
    full, free = targets_of(upstream(HELLO, max_concurrency=1, queue_size=0), upstream(HELLO, name="free"))
    assert full.gate.slots.take()
    running = exchange(targets=[full, free])
    assert text_of(await streamed(running)) == "Hello"
    assert running.outcome.attempts == ["up/model:queue_full", "free/model:ok"]


async def test_who_waits_in_the_queue_gets_its_turn_and_its_stream_stays_alive() -> None:
    (target,) = targets_of(upstream(HELLO, max_concurrency=1, first_byte_timeout_seconds=0.3))
    assert target.gate.slots.take()
    client = Client()
    task = asyncio.create_task(streamed(exchange(targets=[target]), client, commit_after=0.01))
    await asyncio.sleep(0.5)
    assert client.starts == 1
    target.gate.slots.give_back()
    assert text_of(await task) == "Hello"
    assert target.gate.slots.taken == 0


ENDINGS: dict[str, list[Piece] | BaseException] = {
    "answered": HELLO,
    "refused": BUSY,
    "cut": [FIRST, CUT],
    "silent": [60.0],
    "a fault": [FIRST, ZeroDivisionError()],
}


@pytest.mark.parametrize("answer", ENDINGS.values(), ids=ENDINGS.keys())
async def test_the_slot_is_given_back_however_it_ends(answer: list[Piece] | BaseException) -> None:
    (target,) = targets_of(upstream(answer, max_concurrency=1, first_byte_timeout_seconds=0.3, max_tries=1))
    try:
        await exchange(targets=[target]).stream(Client(), commit_after=0.01)
    except GatewayError:
        assert answer is BUSY
    assert target.gate.slots.taken == 0


async def test_the_slot_is_given_back_when_the_client_leaves_in_any_phase() -> None:
    up = upstream([FIRST, 60.0], max_concurrency=1)
    (target,) = targets_of(up)
    first = asyncio.create_task(exchange(targets=[target]).stream(Client(), commit_after=1))
    second = asyncio.create_task(exchange(targets=[target]).stream(Client(), commit_after=1))
    await asyncio.sleep(0.02)
    assert (target.gate.slots.taken, target.gate.slots.waiting) == (1, 1)
    for task in (second, first):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (target.gate.slots.taken, target.gate.slots.waiting) == (0, 0)


async def test_five_failures_open_the_breaker_and_the_next_is_refused_unasked() -> None:
    (target,) = targets_of(upstream(DEAD, max_tries=1))
    for _ in range(5):
        with pytest.raises(GatewayError):
            await exchange(targets=[target]).stream(Client(), commit_after=1)
    running = exchange(targets=[target])
    with pytest.raises(GatewayError) as caught:
        await running.stream(Client(), commit_after=1)
    assert (caught.value.kind, caught.value.upstream_code) == (ErrorKind.UPSTREAM_UNREACHABLE, "breaker_open")
    assert 0 < (caught.value.retry_after or 0) <= 10
    assert (len(target.upstream.asked), running.outcome.termination) == (5, "shed")


async def test_refusals_of_a_request_do_not_open_the_breaker() -> None:
    bad = GatewayError(ErrorKind.UPSTREAM_ERROR, "", upstream_code="500", upstream_status=500, is_reported=True)
    (target,) = targets_of(upstream(bad))
    for _ in range(20):
        with pytest.raises(GatewayError):
            await exchange(targets=[target]).stream(Client(), commit_after=1)
    assert not target.gate.breaker.is_open


@pytest.mark.parametrize("phase", ["queue", "pause"])
async def test_a_shutdown_ends_who_waits(phase: str) -> None:
    limits = {"max_concurrency": 1} if phase == "queue" else {"retry_pause_seconds": 60}
    (target,) = targets_of(upstream(BUSY, **limits))
    if phase == "queue":
        assert target.gate.slots.take()
    running = RunningExchanges()
    task = asyncio.create_task(exchange(targets=[target], running=running).stream(Client(), commit_after=60))
    await asyncio.sleep(0.05)
    running.expire()
    with pytest.raises(GatewayError) as caught:
        await task
    assert caught.value.kind is ErrorKind.SHUTTING_DOWN


async def test_usage_is_kept_as_reported_with_its_cost() -> None:
    prices = {"mod*": {"input": 1_000_000, "output": 10_000_000}}
    running = exchange(upstream(HELLO, prices=prices))
    await streamed(running)
    used = running.outcome.consumption
    assert used is not None
    assert (used.input_tokens, used.output_tokens, used.is_estimated, used.cost) == (11, 7, False, 81.0)


async def test_usage_is_a_marked_guess_when_the_client_leaves() -> None:
    running = exchange(upstream([chat.chunk({"content": "x" * 400}), 60.0]))
    task = asyncio.create_task(running.stream(Client(), commit_after=1))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    used = running.outcome.consumption
    assert used is not None
    assert (used.output_tokens, used.is_estimated) == (100, True)
    assert used.input_tokens > 0


async def test_a_refused_request_used_nothing() -> None:
    running = exchange(upstream(BUSY, max_tries=1))
    with pytest.raises(GatewayError):
        await running.stream(Client(), commit_after=1)
    assert running.outcome.consumption is None


async def test_odd_characters_of_a_model_cannot_break_the_header() -> None:
    (target,) = targets_of(upstream(HELLO))
    odd = type(target)(target.upstream, target.gate, "m\r\nx: y, é\0" + "z" * 500)
    running = exchange(targets=[odd])
    await streamed(running)
    (attempt,) = running.outcome.attempts
    assert attempt.startswith("up/m%0D%0Ax:%20y%2C%20%C3%A9%00zzz")
    assert len(attempt) < 200
