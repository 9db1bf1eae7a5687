import asyncio

import orjson
import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.exchange import Exchange, _joined
from gateway.exchange.running import RunningExchanges
from tests.exchange.worlds import Client, ScriptedAnswer, ScriptedUpstream, exchange, upstream
from tests.fakes import chat
from tests.official import StreamCheck, check_response, check_stream

FIRST = chat.chunk({"content": "a"})
BUSY = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "busy", upstream_code="503")
REFUSED = GatewayError(ErrorKind.UPSTREAM_REJECTED, "refused", upstream_code="400")
CUT = GatewayError(ErrorKind.UPSTREAM_ERROR, "cut", upstream_code="cut_off")


async def streamed(running: Exchange, client: Client | None = None, *, commit_after: float = 1) -> StreamCheck:
    client = client or Client()
    await running.stream(client, commit_after=commit_after)
    assert client.is_finished
    assert client.starts == 1
    return check_stream(client.body)


def answer_of(one: ScriptedUpstream) -> ScriptedAnswer:
    assert isinstance(one.answer, ScriptedAnswer)
    return one.answer


async def test_an_answer_is_relayed_and_its_upstream_closed() -> None:
    up = upstream([chat.text_stream("Hello")])
    running = exchange(up)
    assert (await streamed(running)).response["status"] == "completed"
    assert answer_of(up).is_closed
    outcome = running.outcome
    assert (outcome.termination, outcome.provider, outcome.upstream_model) == ("completed", "up", "model")
    assert outcome.attempts == ["up/model:ok"]


async def test_a_collected_answer_is_the_response_of_the_terminal_event() -> None:
    running = exchange(upstream([chat.text_stream("Hello")]), stream=False)
    response = orjson.loads(await running.collect())
    check_response(response)
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert not running.is_stream


async def test_a_collected_answer_that_breaks_after_some_output_is_a_failed_response() -> None:
    response = orjson.loads(await exchange(upstream([FIRST, CUT]), stream=False).collect())
    check_response(response)
    assert (response["status"], response["output"][0]["status"]) == ("failed", "incomplete")


@pytest.mark.parametrize("answer", [[CUT], [b""], BUSY])
async def test_a_collected_answer_without_output_is_an_error(answer: list[bytes] | BaseException) -> None:
    running = exchange(upstream(answer), stream=False)
    with pytest.raises(GatewayError):
        await running.collect()
    assert running.outcome.termination in ("upstream_reset", "failed_upstream_status")


async def test_a_stream_that_was_not_opened_ends_with_the_error() -> None:
    client = Client()
    with pytest.raises(GatewayError) as caught:
        await exchange(upstream(BUSY)).stream(client, commit_after=1)
    assert (caught.value, client.writes) == (BUSY, 0)


async def test_a_stream_that_was_opened_ends_with_response_failed() -> None:
    up = upstream(BUSY, wait=0.05)
    running = exchange(up)
    failed = (await streamed(running, commit_after=0.01)).response
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_is_overloaded")
    assert running.outcome.termination == "failed_upstream_status"


@pytest.mark.parametrize("first", [BUSY, CUT, GatewayError(ErrorKind.RATE_LIMITED, "slow down")])
async def test_the_next_target_is_tried_after_a_failure_that_may_be_its_own(first: GatewayError) -> None:
    second = upstream([chat.text_stream("Hello")])
    running = exchange(upstream(first), second)
    assert (await streamed(running)).response["status"] == "completed"
    assert running.outcome.termination == "completed"


async def test_the_next_target_is_not_tried_after_a_refusal() -> None:
    second = upstream([chat.text_stream("Hello")])
    with pytest.raises(GatewayError):
        await exchange(upstream(REFUSED), second).stream(Client(), commit_after=1)
    assert second.asked == []


async def test_the_next_target_is_not_tried_once_the_stream_is_open() -> None:
    second = upstream([chat.text_stream("Hello")])
    assert (await streamed(exchange(upstream([FIRST, CUT]), second))).response["status"] == "failed"
    assert second.asked == []


async def test_a_client_that_leaves_closes_the_upstream() -> None:
    up = upstream([FIRST, FIRST, FIRST, 60.0])
    running = exchange(up)
    with pytest.raises(ConnectionResetError):
        await running.stream(Client(leaves_after=2), commit_after=1)
    assert answer_of(up).is_closed
    assert running.outcome.termination is None


@pytest.mark.parametrize("wait", [0.0, 60.0])
async def test_a_cancelled_exchange_closes_the_upstream(wait: float) -> None:
    up = upstream([FIRST, 60.0], wait=wait)
    task = asyncio.create_task(exchange(up).stream(Client(), commit_after=0.01))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert up.has_opened is (wait == 0.0)
    assert answer_of(up).is_closed is (wait == 0.0)


async def test_a_bug_in_the_middle_of_a_stream_is_its_honest_end() -> None:
    running = exchange(upstream([FIRST, ZeroDivisionError("secret")]))
    failed = (await streamed(running)).response
    assert failed["error"] == {
        "code": "server_error",
        "message": "The gateway failed on this request.",
        "type": "server_error",
        "param": None,
    }
    assert running.outcome.termination == "gateway_error"


LIMITS = [
    ("first_byte_timeout_seconds", [60.0], "upstream_idle"),
    ("idle_timeout_seconds", [FIRST, 60.0], "upstream_idle"),
    ("total_timeout_seconds", [FIRST, 60.0], "total_timeout"),
]


@pytest.mark.parametrize(("limit", "pieces", "termination"), LIMITS)
async def test_each_time_limit_ends_the_stream(limit: str, pieces: list[bytes | float], termination: str) -> None:
    limits: dict[str, float] = {limit: 0.3}
    running = exchange(upstream(pieces, **limits))
    failed = (await streamed(running, commit_after=0.01)).response
    assert failed["status"] == "failed"
    assert running.outcome.termination == termination


async def test_a_slow_client_does_not_make_its_upstream_late() -> None:
    up = upstream([FIRST, FIRST, chat.ending()], idle_timeout_seconds=0.3, first_byte_timeout_seconds=5)
    assert (await streamed(exchange(up), Client(delay=0.5))).response["status"] == "completed"


async def test_a_shutdown_ends_every_stream_truthfully() -> None:
    everything = RunningExchanges()
    up = upstream([FIRST, 60.0])
    running = exchange(up, running=everything)
    task = asyncio.create_task(streamed(running))
    async with asyncio.timeout(5):
        while not up.has_opened:  # noqa: ASYNC110 - there is nothing to wait for
            await asyncio.sleep(0.005)
    assert len(everything) == 1
    everything.expire()
    assert (await task).response["error"]["message"] == "The gateway is shutting down."
    assert (running.outcome.termination, len(everything)) == ("drained", 0)


async def test_an_exchange_after_the_shutdown_fails_at_once() -> None:
    everything = RunningExchanges()
    everything.expire()
    with pytest.raises(GatewayError) as caught:
        await exchange(upstream([60.0], wait=60), running=everything).stream(Client(), commit_after=60)
    assert caught.value.kind is ErrorKind.SHUTTING_DOWN


async def test_a_shutdown_after_the_end_does_not_change_how_it_ended() -> None:
    everything = RunningExchanges()
    running = exchange(upstream([chat.text_stream("Hello"), 0.2]), running=everything)
    task = asyncio.create_task(streamed(running))
    await asyncio.sleep(0.05)
    everything.expire()
    assert (await task).response["status"] == "completed"
    assert running.outcome.termination == "completed"


async def test_what_was_dropped_is_in_a_header() -> None:
    client = Client()
    await exchange(upstream([chat.text_stream("Hello")]), previous_response_id="resp_1").stream(client, commit_after=1)
    assert client.headers == [
        ("x-gateway-dropped", "previous_response_id"),
        ("x-gateway-attempts", "up/model:ok"),
    ]


def test_a_strict_exchange_refuses_what_it_would_drop() -> None:
    with pytest.raises(GatewayError) as caught:
        exchange(upstream([]), is_strict=True, previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"


def test_a_long_header_is_cut_and_counted() -> None:
    names = [f"name[{number}]" for number in range(1000)]
    value = _joined(names)
    assert len(value) < 2100
    kept = value.split(", ")
    assert kept[:-1] == names[: len(kept) - 1]
    assert kept[-1] == f"+{1000 - len(kept) + 1} more"


async def test_a_heartbeat_is_a_frame_of_the_stream_or_nothing() -> None:
    running = exchange(upstream([60.0]))
    assert running.keep_alive() == b""
    task = asyncio.create_task(running.stream(Client(), commit_after=0.0))
    await asyncio.sleep(0.02)
    assert running.keep_alive().startswith(b"event: response.in_progress\n")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
