"""LangChain's chat model for OpenAI through the gateway, configured as docs/clients/langchain.md says."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.codec.json import JSONObject
from tests.agents.scripts import run_example, run_python, stored
from tests.agents.turns import heard, text
from tests.fakes.chat import call_stream, chunk
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

Run = Callable[[str], Awaitable[JSONObject]]


@pytest.fixture
def run(python_packages: None, gateway: GatewayProcess, home: Path) -> Run:
    """Runs one of the program's examples and gives what it reported."""
    return lambda step: run_python("langchain_chat.py", "langchain.md", gateway, home, step)


STEPS = ["tools", "tools-streamed", "tools-continued", "tools-continued-streamed"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_loop_with_tools_ends_with_an_answer(
    run: Run, gateway: GatewayProcess, upstream: Upstream, step: str
) -> None:
    two_calls = call_stream(("call_1", "get_weather", '{"city":"Rome"}'), ("call_2", "get_weather", '{"city":"Oslo"}'))
    thinking = chunk({"reasoning_content": "Hm."}) + chunk({"content": "Let me see."})
    upstream.answer(Script.of(thinking + two_calls), text("It is", " sunny."))
    report = await run(step)
    assert (report["answer"], report["usage"]) == ("It is sunny.", 18)
    last = await stored(gateway, f"responses/{report['last']}")
    assert (last["previous_response_id"] is not None) == ("continued" in step)
    assistant, rome, oslo = upstream.last.json["messages"][-3:]
    assert (assistant["content"], assistant["reasoning_content"]) == ("Let me see.", "Hm.")
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1", "call_2"]
    assert (rome["content"], oslo["content"]) == ("sunny in Rome", "sunny in Oslo")


async def test_text_arrives_piece_by_piece(run: Run, upstream: Upstream) -> None:
    upstream.answer(text("Hel", "lo ", "wörld"))
    assert (await run("text"))["deltas"] == ["Hel", "lo ", "wörld"]


async def test_structured_output_is_a_model(run: Run, upstream: Upstream) -> None:
    upstream.answer(text('{"name": "Ada", "age": 36}'))
    assert (await run("structured"))["person"] == {"name": "Ada", "age": 36}
    sent = upstream.last.json["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"], sent["schema"]["required"]) == ("Person", True, ["name", "age"])


async def test_the_example_of_stored_state_knows_what_was_said(
    python_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    upstream.respond(heard())
    assert await run_example("langchain.md", "python", gateway, home, 1) == ["My name is Ada. What is my name?"]
