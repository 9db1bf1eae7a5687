"""The OpenAI Agents SDK (Python) through the gateway, configured as docs/clients/agents-sdk.md says."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.codec.json import JSONObject
from tests.agents.scripts import run_python
from tests.agents.turns import calls, pictures, results, roles, text, tool_names
from tests.fakes.chat import call_stream, chunk, error_body
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

WEATHER = "call_1", "get_weather", '{"city":"Rome"}'

Run = Callable[[str], Awaitable[JSONObject]]


@pytest.fixture
def run(python_packages: None, gateway: GatewayProcess, home: Path) -> Run:
    """Runs one of the program's examples and gives what it reported."""
    return lambda step: run_python("agents_sdk.py", "agents-sdk.md", gateway, home, step)


def thoughtful_call() -> Script:
    """A turn with reasoning, text and a call."""
    return Script.of(chunk({"reasoning_content": "Hm."}) + chunk({"content": "Let me see."}) + call_stream(WEATHER))


def check_second_turn(upstream: Upstream) -> None:
    """Everything of the first turn came back, as one message with its result behind it."""
    assistant, result = upstream.last.json["messages"][-2:]
    assert (assistant["content"], assistant["reasoning_content"]) == ("Let me see.", "Hm.")
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"
    assert result["content"] == "sunny in Rome"


async def test_a_loop_with_a_tool_ends_with_an_answer(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is sunny."))
    assert await run("tools") == {"answer": "It is sunny.", "agent": "Weatherman", "requests": 2}
    check_second_turn(upstream)


async def test_the_loop_can_be_streamed(run: Run, upstream: Upstream) -> None:
    upstream.answer(thoughtful_call(), text("It is", " sunny."))
    report = await run("stream")
    assert report["deltas"] == ["Let me see.", "It is", " sunny."]
    assert report["said"] == ["Let me see.", "It is sunny."]
    assert {"reasoning_item_created", "tool_called", "tool_output"} <= set(report["items"])
    check_second_turn(upstream)


async def test_an_agent_hands_over_to_another(run: Run, upstream: Upstream) -> None:
    upstream.answer(calls(("call_h", "transfer_to_weatherman", "{}")), thoughtful_call(), text("It is sunny."))
    assert await run("handoff") == {"answer": "It is sunny.", "agent": "Weatherman", "requests": 3}
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
