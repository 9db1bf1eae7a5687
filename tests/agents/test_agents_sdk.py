"""The OpenAI Agents SDK (Python) through the gateway, configured as docs/clients/agents-sdk.md says."""

import json
from pathlib import Path
from typing import Protocol

import pytest

from gateway.codec.json import JSONObject
from tests.agents.scripts import run_example, run_python, stored
from tests.agents.turns import calls, heard, pictures, results, roles, text, tool_names
from tests.fakes.chat import call_stream, chunk, error_body
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

PAGE = "agents-sdk.md"


class Run(Protocol):
    """Runs one of the program's examples and gives what it reported."""

    async def __call__(self, step: str, *arguments: str) -> JSONObject: ...


@pytest.fixture
def run(python_packages: None, gateway: GatewayProcess, home: Path) -> Run:
    """Runs one of the program's examples and gives what it reported."""
    return lambda step, *arguments: run_python("agents_sdk.py", PAGE, gateway, home, step, *arguments)


def thoughtful_call(call_id: str = "call_1") -> Script:
    """A turn with reasoning, text and a call."""
    call = call_stream((call_id, "get_weather", '{"city":"Rome"}'))
    return Script.of(chunk({"reasoning_content": "Hm."}) + chunk({"content": "Let me see."}) + call)


def check_second_turn(upstream: Upstream, call_id: str = "call_1") -> None:
    """Everything of the first turn came back, as one message with its result behind it."""
    assistant, result = upstream.last.json["messages"][-2:]
    assert (assistant["content"], assistant["reasoning_content"]) == ("Let me see.", "Hm.")
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"] == call_id
    assert result["content"] == "sunny in Rome"


async def test_a_loop_with_a_tool_ends_with_an_answer(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is sunny."))
    report = await run("tools")
    assert (report["answer"], report["agent"], report["requests"]) == ("It is sunny.", "Weatherman", 2)
    check_second_turn(upstream)


async def test_the_loop_can_be_streamed(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is", " sunny."))
    report = await run("stream")
    assert report["deltas"] == ["Let me see.", "It is", " sunny."]
    assert report["said"] == ["Let me see.", "It is sunny."]
    assert {"reasoning_item_created", "tool_called", "tool_output"} <= set(report["items"])
    check_second_turn(upstream)


@pytest.mark.parametrize("way", ["response", "conversation", "session"])
@pytest.mark.parametrize("step", ["twice", "twice-streamed"])
async def test_a_run_goes_on_from_what_is_stored(
    run: Run, gateway: GatewayProcess, upstream: Upstream, step: str, way: str
) -> None:
    upstream.answer(thoughtful_call(), text("It is sunny."), thoughtful_call("call_2"), text("Still sunny."))
    report = await run(step, way)
    assert report["answer"] == "Still sunny."
    check_second_turn(upstream, "call_2")
    turn = ["user", "assistant", "tool"]
    assert roles(upstream.last.json) == ["system", *turn, "assistant", *turn]  # the instructions once, for each request
    last = await stored(gateway, f"responses/{report['last']}")
    assert (last["previous_response_id"] is not None) == (way == "response")
    assert ("conversation" in last) == (way == "conversation")


async def test_the_example_of_stored_state_knows_what_was_said(
    python_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    upstream.respond(heard())
    assert await run_example(PAGE, "python", gateway, home, 0, 1) == ["My name is Ada. What is my name?"] * 3


async def test_an_agent_hands_over_to_another(run: Run, upstream: Upstream) -> None:
    upstream.answer(calls(("call_h", "transfer_to_weatherman", "{}")), thoughtful_call(), text("It is sunny."))
    report = await run("handoff")
    assert (report["answer"], report["agent"], report["requests"]) == ("It is sunny.", "Weatherman", 3)
    first, second, _ = (received.json for received in upstream.received)
    assert [tool_names(request) for request in (first, second)] == [["transfer_to_weatherman"], ["get_weather"]]
    assert [request["messages"][0]["content"] for request in (first, second)] == ["Hand over.", "Be nice."]
    check_second_turn(upstream)


async def test_a_picture_of_a_tool_reaches_the_model(run: Run, upstream: Upstream) -> None:
    upstream.answer(calls(("call_d", "draw", "{}")), text("A pixel."))
    assert (await run("picture"))["answer"] == "A pixel."
    assert roles(upstream.last.json)[-3:] == ["assistant", "tool", "user"]
    assert pictures(upstream.last.json) == ["data:image/png;base64,iVBORw0KGgo="]


async def test_its_own_kinds_of_tools_are_run(run: Run, home: Path, upstream: Upstream) -> None:
    shell = "call_s", "shell", json.dumps({"commands": ["echo S-$((40+2))"]})
    operation = {"type": "create_file", "path": "new.txt", "diff": "+Hello\n+ütf"}
    patch = "call_p", "apply_patch", json.dumps({"operation": operation})
    upstream.answer(calls(shell), calls(patch), text("Done."))
    assert (await run("own-tools"))["answer"] == "Done."
    assert "S-42" in results(upstream)["call_s"]
    assert "completed" in results(upstream)["call_p"]
    assert (home / "new.txt").read_text() == "Hello\nütf"


async def test_a_full_context_is_an_error_with_its_status(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.json(error_body("maximum context length is 10 tokens"), status=400))
    report = await run("tools")
    assert (report["error"], report["status"]) == ("BadRequestError", 400)
    assert len(upstream.received) == 1
