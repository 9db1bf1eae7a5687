"""The Vercel AI SDK with both of its providers, configured as docs/clients/vercel-ai-sdk.md says."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.codec.json import JSONObject
from tests.agents.documented import snippet
from tests.agents.scripts import run_example, run_node, stored
from tests.agents.turns import heard, results, text
from tests.fakes.chat import call_stream, chunk, error_body
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

PAGE = "vercel-ai-sdk.md"
PROVIDERS = ["@ai-sdk/openai", "@ai-sdk/openai-unstored", "@ai-sdk/open-responses"]
"""In the order in which the page shows them."""

Run = Callable[[str], Awaitable[JSONObject]]
ALL = "My name is Ada. What is my name?"


@pytest.fixture(params=range(len(PROVIDERS)), ids=PROVIDERS)
def run(node_packages: None, gateway: GatewayProcess, home: Path, request: pytest.FixtureRequest) -> Run:
    """Runs one of the program's examples and gives what it reported."""
    return lambda step: run_node("steps.mjs", PAGE, gateway, home, step, number=request.param)


def thoughtful_call() -> Script:
    """A turn with reasoning, text and a call."""
    call = call_stream(("call_1", "getWeather", '{"city":"Rome"}'))
    return Script.of(chunk({"reasoning_content": "Hm."}) + chunk({"content": "Let me see. "}) + call)


def check_second_turn(upstream: Upstream) -> None:
    """Everything of the first turn came back, as one message with its result behind it."""
    assistant, result = upstream.last.json["messages"][-2:]
    assert (assistant["content"], assistant["reasoning_content"]) == ("Let me see. ", "Hm.")
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"
    assert result["content"] == "sunny in Rome"


async def test_a_loop_of_several_steps_ends_with_an_answer(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is sunny."))
    report = await run("whole")
    assert report | {"sent": []} == {"answer": "It is sunny.", "steps": 2, "finish": "stop", "usage": 36, "sent": []}
    check_second_turn(upstream)


async def test_the_loop_sends_references_by_default(
    node_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    upstream.answer(thoughtful_call(), text("It is sunny."))
    report = await run_node("steps.mjs", PAGE, gateway, home, "whole")
    references = ["item_reference", "item_reference"]
    assert report["sent"] == ["message", "message", *references, "function_call", "function_call_output"]
    check_second_turn(upstream)


@pytest.mark.parametrize("option", ["previousResponseId", "conversation"])
async def test_a_loop_goes_on_from_what_is_stored(
    node_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path, option: str
) -> None:
    upstream.answer(text("Hello Ada."), thoughtful_call(), text("It is sunny."))
    first = {"role": "user", "content": "My name is Ada."}
    conversation = await stored(gateway, "conversations", {})
    asked = {"model": "up/model", "input": [first], "conversation": conversation["id"]}
    response = await stored(gateway, "responses", asked)
    name = conversation["id"] if option == "conversation" else response["id"]
    report = await run_node("steps.mjs", PAGE, gateway, home, "after", option, str(name))
    assert report == {"answer": "It is sunny.", "steps": 2}
    assert [message["content"] for message in upstream.last.json["messages"][:2]] == ["My name is Ada.", "Hello Ada."]
    (call,) = [message for message in upstream.last.json["messages"] if message.get("tool_calls")]
    assert results(upstream) == {call["tool_calls"][0]["id"]: "sunny in Rome"}


async def test_the_example_of_stored_state_knows_what_was_said(
    node_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    upstream.respond(heard())
    (home / "documented.mjs").write_text(snippet(PAGE, "js", gateway))
    assert await run_example(PAGE, "js", gateway, home, 3) == [ALL, ALL]


async def test_the_loop_can_be_streamed(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is", " sunny."))
    report = await run("streamed")
    assert (report["answer"], report["errors"]) == ("Let me see. It is sunny.", [])
    wanted = ["reasoning-delta", "reasoning-end", "text-delta", "tool-call", "tool-result", "text-delta", "finish"]
    parts = iter(report["parts"])
    assert all(part in parts for part in wanted), report["parts"]
    check_second_turn(upstream)


async def test_a_cut_stream_is_not_taken_for_an_answer(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"content": "Half"}), 0.05, "cut"))
    report = await run("streamed")
    assert "tool-call" not in report["parts"]
    assert report["errors"] or report["finish"] == "error"


async def test_structured_output_is_an_object(run: Run, upstream: Upstream) -> None:
    upstream.answer(text('{"name": "Ada", "age": 36}'))
    assert (await run("structured"))["person"] == {"name": "Ada", "age": 36}
    assert upstream.last.json["response_format"]["json_schema"]["schema"]["required"] == ["name", "age"]


async def test_a_limit_can_be_tried_again(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.json(error_body("slow down", code="rate_limit_exceeded"), status=429))
    report = await run("failure")
    assert (report["failed"], report["status"], report["retryable"]) == (True, 429, True)
