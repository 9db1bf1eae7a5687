"""The official Node SDK against the real gateway: small scripts as users write them (`node_scripts.py` runs them)."""

import pytest

from tests.clients.node_scripts import Run
from tests.fakes.chat import call_stream, chunk, ending, error_body, text_stream
from tests.fakes.upstream import Script, Upstream


async def test_text_arrives_whole_in_a_raw_stream_and_through_the_helper(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"reasoning_content": "Hm."}) + text_stream("Hello", ", wörld")))
    result = await run("text.mjs")
    assert result["whole"] == result["deltas"] == result["final"] == "Hello, wörld"
    assert result["types"][:2] == ["response.created", "response.in_progress"]
    assert result["types"][-1] == "response.completed"
    assert (result["items"], result["status"], result["total"]) == (["reasoning", "message"], "completed", 18)


@pytest.mark.usefixtures("demo")
async def test_a_loop_with_tools_ends_with_text(run: Run) -> None:
    result = await run("tools.mjs")
    assert [(call["name"], call["status"]) for call in result["calls"]] == [("get_weather", "completed")]
    assert result["calls"][0]["arguments"].keys() == {"city"}
    assert "sunny" in result["answer"]


async def test_parallel_calls_stay_apart(run: Run, upstream: Upstream) -> None:
    calls = ("call_a", "get_weather", '{"city":"Oslo"}'), ("call_b", "get_time", '{"city":"Lima"}')
    upstream.answer(Script.of(call_stream(*calls)))
    result = await run("parallel.mjs")
    assert result["calls"] == [["function_call", *call, "completed"] for call in calls]
    assert result["deltas"] == {"0": '{"city":"Oslo"}', "1": '{"city":"Lima"}'}


async def test_failures_have_the_class_and_the_code_that_users_switch_on(run: Run, upstream: Upstream) -> None:
    limited = Script.json(error_body("slow down", code="rate_limit_exceeded"), status=429)
    upstream.answer(limited, Script.of(chunk({"content": "Half"}), 0.05, "cut"))
    result = await run("failures.mjs")
    names = [(result[name]["name"], result[name]["code"]) for name in ("key", "type", "model", "rate")]
    assert names == [
        ("AuthenticationError", "invalid_api_key"),
        ("BadRequestError", "invalid_type"),
        ("NotFoundError", "model_not_found"),
        ("RateLimitError", "rate_limit_exceeded"),
    ]
    assert result["type"]["param"] == "temperature"
    assert all(result[name]["hasRequestId"] for name in ("key", "type", "model", "rate"))
    assert result["last"] == "response.failed"


async def test_what_fills_the_silence_does_not_disturb_the_helper(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of("headers", 0.5, chunk({"content": "late"}), 0.5, ending()))
    result = await run("silence.mjs")
    assert result["final"] == "late"
