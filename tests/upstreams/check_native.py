"""The Responses API that a server has itself, through the gateway."""

import json

import pytest
from openai.types.responses import ResponseInputParam

from tests.fakes.client import post_stream
from tests.upstreams.conftest import Tell
from tests.upstreams.scene import HELLO, THOUGHT, TOOLS, Scene, calls_of, thoughts_of

NOT_THERE = "it has no such API"


async def test_its_own_api_answers(scene: Scene, tell: Tell) -> None:
    if not scene.server.is_native:
        tell(NOT_THERE)
        return
    response = await scene.sdk.responses.create(model=native(scene), input="Say hello", temperature=0)
    assert (response.status, response.output_text) == ("completed", HELLO)
    assert response.usage is not None
    assert response.usage.input_tokens == 16


def native(scene: Scene) -> str:
    """The model behind the server's own API."""
    return f"native/{scene.server.model}"


@pytest.mark.parametrize("prompt", ["Say hello", "Think about 2+2", "Weather and time in Oslo"])
async def test_every_event_of_its_own_api_keeps_the_rules(scene: Scene, tell: Tell, prompt: str) -> None:
    if not scene.server.is_native:
        tell(NOT_THERE)
        return
    checked = await post_stream(
        scene.gateway, {"model": native(scene), "input": prompt, "tools": TOOLS, "temperature": 0}
    )
    assert checked.response["status"] == "completed"


async def test_its_own_api_reasons(scene: Scene, tell: Tell) -> None:
    if not scene.server.is_native:
        tell(NOT_THERE)
        return
    response = await scene.sdk.responses.create(model=native(scene), input="Think about 2+2", temperature=0)
    assert thoughts_of(response).strip() == THOUGHT
    assert response.output_text.strip() == "The answer is 4."


async def test_its_own_api_calls_tools_and_takes_results(scene: Scene, tell: Tell) -> None:
    if not scene.server.is_native:
        tell(NOT_THERE)
        return
    history: ResponseInputParam = [{"role": "user", "content": "Weather in Lima"}]
    first = await scene.sdk.responses.create(model=native(scene), input=history, tools=TOOLS, temperature=0)
    (call,) = calls_of(first)
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Lima"})
    history += [item.model_dump(exclude_none=True) for item in first.output]  # type: ignore[misc]  # as the SDK documents it
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    second = await scene.sdk.responses.create(model=native(scene), input=history, tools=TOOLS, temperature=0)
    assert second.output_text == "It is sunny in Lima."


async def test_its_own_api_says_that_a_limit_was_met(scene: Scene, tell: Tell) -> None:
    if not scene.server.is_native:
        tell(NOT_THERE)
        return
    response = await scene.sdk.responses.create(model=native(scene), input="Count", max_output_tokens=20, temperature=0)
    assert response.output_text.startswith("1, 2, 3")
    tell("yes" if response.status == "incomplete" else f"no: the server says `{response.status}`")
