"""What Codex does about each kind of failure: how often it tries, and what it tells the person.

Its retries are set to few, or a failure would be tried thirty times; that what it takes for final is tried once does
not depend on that.
"""

import asyncio

import orjson
import pytest

from tests.agents.codex import Codex, failures, messages
from tests.agents.turns import roles, text
from tests.fakes.chat import DONE, call_chunks, chunk, error_body, frame, text_stream, usage_chunk
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Step, Upstream

HALF = chunk({"content": "Half"})


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Script:
    """An answer that refuses the request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json(error_body(message, code=code), status=status, headers=named)


def inside(message: str, code: str | int | None = None, *, before: bytes = HALF) -> Script:
    """A stream that tells its failure in the middle."""
    return Script.of(before, frame({"error": {"message": message, "code": code}}))


FINAL: dict[str, tuple[Script, str]] = {
    "a rejected request": (refusal(400, "top_k is too large"), "top_k is too large"),
    "an unprocessable one": (refusal(422, "no such field"), "no such field"),
    "a model that is gone": (refusal(404, "the model is gone", "model_not_found"), "the model is gone"),
    "a full context": (refusal(400, "This model's maximum context length is 10 tokens"), "ran out of room"),
    "one that is noticed late": (inside("maximum context length is 10 tokens", before=b""), "ran out of room"),
    "a used up quota": (refusal(429, "You exceeded your current quota", "insufficient_quota"), "Quota exceeded"),
    "a prompt that is rejected in the stream": (inside("I cannot read this", 400), "I cannot read this"),
    "an answer that is too long": (Script.of(text_stream("Half", finish="length")), "max_output_tokens"),
}


@pytest.mark.parametrize(("script", "told"), FINAL.values(), ids=FINAL.keys())
async def test_what_will_not_change_is_tried_once(codex: Codex, upstream: Upstream, script: Script, told: str) -> None:
    upstream.answer(script)
    finished = await codex.run("Go", expect_success=False)
    assert finished.status == 1
    assert len(upstream.received) == 1
    assert told in failures(finished)[0]


PASSING: dict[str, tuple[Script, int, str]] = {
    "a failure of the upstream": (refusal(500, "the machine is on fire"), 4, "the machine is on fire"),
    "a page of a proxy": (Script(status=502, content_type="text/html", steps=(b"<h1>Bad</h1>",)), 4, "502 Bad Gateway"),
    "an overloaded upstream": (refusal(503, "busy"), 2, "at capacity"),
    "a limit": (refusal(429, "slow down", Retry_After="1"), 2, "429"),
    "a cut stream": (Script.of(HALF, 0.05, "cut"), 2, "closed the connection"),
    "a reset stream": (Script.of(HALF, 0.05, "reset"), 2, "stream disconnected"),
    "a failure inside the stream": (inside("the machine is on fire"), 2, "the machine is on fire"),
    "a filtered answer": (Script.of(text_stream("Half", finish="content_filter")), 2, "content_filter"),
}


@pytest.mark.parametrize(("script", "attempts", "told"), PASSING.values(), ids=PASSING.keys())
async def test_what_may_pass_is_tried_as_often_as_configured(
    codex: Codex, upstream: Upstream, script: Script, attempts: int, told: str
) -> None:
    codex.retry(requests=1, streams=1)
    upstream.answer(script)
    finished = await codex.run("Go", expect_success=False)
    assert finished.status == 1
    assert len(upstream.received) == attempts
    assert told in failures(finished)[0]


BROKEN_OFF: dict[str, tuple[Step, ...]] = {
    "cut": (0.05, "cut"),
    "truncated": (chunk({}, finish="length") + usage_chunk() + DONE,),
    "failed": (frame({"error": {"message": "boom"}}),),
}
"""Ends of a stream in the middle of a call."""


@pytest.mark.parametrize("end", BROKEN_OFF.values(), ids=BROKEN_OFF.keys())
async def test_half_of_a_program_is_never_run(codex: Codex, upstream: Upstream, end: tuple[Step, ...]) -> None:
    codex.describe_model(use_responses_lite=True, tool_mode="code_mode_only")
    half = '{"input":"await tools.exec_command({cmd: \\"touch ran\\"}); await tools.ex'
    upstream.answer(Script.of(call_chunks(0, "call_1", "exec", half), *end), text("Better."))
    await codex.run("Go", expect_success=end != BROKEN_OFF["truncated"])
    assert not (codex.work / "ran").exists()
    assert roles(upstream.last.json)[-1] == "user"


@pytest.mark.parametrize("end", BROKEN_OFF.values(), ids=BROKEN_OFF.keys())
async def test_half_of_a_command_is_never_run(every_codex: Codex, upstream: Upstream, end: tuple[Step, ...]) -> None:
    half = call_chunks(0, "call_1", "exec_command", '{"cmd":"touch ran; rm -rf bu')
    upstream.answer(Script.of(half, *end), text("Better."))
    await every_codex.run("Go", expect_success=False)
    assert list(every_codex.work.iterdir()) == []


async def test_a_cut_stream_is_tried_six_times_when_nothing_is_configured(codex: Codex, upstream: Upstream) -> None:
    upstream.answer(Script.of(HALF, 0.05, "cut"))
    await codex.run("Go", expect_success=False)
    assert len(upstream.received) == 6


@pytest.mark.parametrize(
    "script",
    [
        refusal(500, "boom"),
        refusal(503, "busy"),
        refusal(429, "slow down", Retry_After="1"),
        refusal(429, "slow down"),
        Script.of(HALF, 0.05, "cut"),
        inside("rate limit: try again in 0.2s", "rate_limit_exceeded"),
    ],
    ids=["500", "503", "429 with a delay", "429 without one", "cut", "429 in the stream"],
)
async def test_it_goes_on_when_the_trouble_is_over(codex: Codex, upstream: Upstream, script: Script) -> None:
    upstream.answer(script, text("Better."))
    finished = await codex.run("Go")
    assert messages(finished)[-1] == "Better."
    assert len(upstream.received) == 2


async def test_a_wrong_key_is_told_and_never_reaches_the_upstream(
    codex: Codex, gateway: GatewayProcess, upstream: Upstream
) -> None:
    codex.retry(requests=1, streams=1)
    codex.key = "wrong-secret"
    before = attempts_at(gateway, 401)
    finished = await codex.run("Go", expect_success=False)
    assert "API key" in failures(finished)[0]
    assert await attempts_since(gateway, before, 401, at_least=2) == 2
    assert upstream.received == []


async def test_an_unknown_model_is_told_at_once(codex: Codex, gateway: GatewayProcess, upstream: Upstream) -> None:
    codex.settings["model"] = "nobody/model"
    before = attempts_at(gateway, 404)
    finished = await codex.run("Go", expect_success=False)
    assert "'nobody/model'" in failures(finished)[0]
    assert await attempts_since(gateway, before, 404, at_least=1) == 1
    assert upstream.received == []


def attempts_at(gateway: GatewayProcess, status: int) -> int:
    """How many requests for a response the gateway has refused so; those of tests before may come late."""
    lines = [orjson.loads(line) for line in gateway.lines if '"path":"/v1/responses"' in line]
    return sum(line["status"] == status for line in lines)


async def attempts_since(gateway: GatewayProcess, before: int, status: int, *, at_least: int) -> int:
    """How many there were since then; the log may be a moment behind the answer."""
    async with asyncio.timeout(5):
        while True:
            if (attempts := attempts_at(gateway, status) - before) >= at_least:
                return attempts
            await asyncio.sleep(0.01)
