"""Every way of calling tools that the real servers have, and what becomes of the ways that they lack."""

import json

import openai
from openai.types.responses import Response, ResponseInputParam
from openai.types.responses.response_create_params import ToolChoice

from tests.fakes.client import post_stream
from tests.upstreams.conftest import Tell
from tests.upstreams.scene import MODEL, NOTE, TOOLS, Scene, calls_of, thoughts_of

PARIS = '{"city": "Paris"}'
RAW_CALL = "no: the server leaves the call in the text"


async def ask(scene: Scene, prompt: str, choice: ToolChoice | None = None, limit: int | None = None) -> Response:
    """The answer to a prompt with the tools that the model knows."""
    more: dict[str, object] = {"tool_choice": choice} if choice is not None else {}
    return await scene.sdk.responses.create(
        model=MODEL, input=prompt, tools=TOOLS, temperature=0, max_output_tokens=limit, extra_body=more
    )


def expect_calls(scene: Scene, tell: Tell, response: Response, *expected: tuple[str, object]) -> bool:
    """Whether the server can tell calls from text; if it can, these are the calls."""
    assert response.status == "completed"
    if not scene.server.parses_calls:
        assert response.output_text.count("<tool_call>") == len(expected)
        tell(RAW_CALL)
        return False
    calls = calls_of(response)
    assert [(call.name, json.loads(call.arguments)) for call in calls] == list(expected)
    assert len({call.call_id for call in calls}) == len(calls)
    assert all(call.call_id and call.status == "completed" for call in calls)
    return True


async def test_a_tool_is_called(scene: Scene, tell: Tell) -> None:
    response = await ask(scene, "Weather in Paris")
    if expect_calls(scene, tell, response, ("get_weather", {"city": "Paris"})):
        assert response.output_text == ""


async def test_two_tools_are_called_at_once(scene: Scene, tell: Tell) -> None:
    response = await ask(scene, "Weather and time in Oslo")
    if expect_calls(scene, tell, response, ("get_weather", {"city": "Oslo"}), ("get_time", {})):
        assert response.output_text == ""


async def test_a_tool_without_arguments_is_called(scene: Scene, tell: Tell) -> None:
    expect_calls(scene, tell, await ask(scene, "What time is it"), ("get_time", {}))


async def test_arguments_keep_quotes_newlines_and_lists(scene: Scene, tell: Tell) -> None:
    expect_calls(scene, tell, await ask(scene, "Write a note"), ("add_note", NOTE))


async def test_text_before_a_call_is_kept(scene: Scene, tell: Tell) -> None:
    response = await ask(scene, "Explain then check Lima")
    assert response.output_text.startswith("I will check Lima now.")
    if expect_calls(scene, tell, response, ("get_weather", {"city": "Lima"})):
        assert [item.type for item in response.output] == ["message", "function_call"]
        assert response.output_text.strip() == "I will check Lima now."


async def test_thoughts_before_a_call_are_kept(scene: Scene, tell: Tell) -> None:
    response = await ask(scene, "Think then check Cairo")
    assert thoughts_of(response).strip() == "I need the weather of Cairo."
    if expect_calls(scene, tell, response, ("get_weather", {"city": "Cairo"})):
        assert [item.type for item in response.output] == ["reasoning", "function_call"]


async def test_every_event_of_calls_keeps_the_rules(scene: Scene, tell: Tell) -> None:
    request = {"model": MODEL, "input": "Weather and time in Oslo", "tools": TOOLS, "temperature": 0}
    checked = await post_stream(scene.gateway, request)
    assert checked.response["status"] == "completed"
    assert len(checked.calls) == (2 if scene.server.parses_calls else 0)
    if not scene.server.parses_calls:
        tell(RAW_CALL)


async def test_a_result_leads_to_an_answer(scene: Scene, tell: Tell) -> None:
    """Where the server leaves calls in the text, the call is another model's."""
    history: ResponseInputParam = [{"role": "user", "content": "Weather in Paris"}]
    if scene.server.parses_calls:
        first = await scene.sdk.responses.create(model=MODEL, input=history, tools=TOOLS, temperature=0)
        history += [item.model_dump(exclude_none=True) for item in first.output]  # type: ignore[misc]  # as the SDK documents it
        (call,) = calls_of(first)
        call_id = call.call_id
    else:
        call_id = "c1"
        history.append({"type": "function_call", "call_id": call_id, "name": "get_weather", "arguments": PARIS})
        tell("yes, after the call of another model")
    history.append({"type": "function_call_output", "call_id": call_id, "output": "sunny"})
    second = await scene.sdk.responses.create(model=MODEL, input=history, tools=TOOLS, temperature=0)
    assert (second.status, calls_of(second)) == ("completed", [])
    assert second.output_text == "It is sunny in Paris."


async def test_two_results_lead_to_an_answer(scene: Scene, tell: Tell) -> None:
    """The calls are the client's own: a history may come from another model."""
    history: ResponseInputParam = [
        {"role": "user", "content": "Weather and time in Oslo"},
        {"type": "function_call", "call_id": "a", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call", "call_id": "b", "name": "get_time", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "sunny"}]},
        {"type": "function_call_output", "call_id": "b", "output": "12:00"},
    ]
    response = await scene.sdk.responses.create(
        model=MODEL, input=history, tools=TOOLS, temperature=0, max_output_tokens=60
    )
    assert response.status in ("completed", "incomplete")
    assert response.output


async def test_a_named_tool_is_called(scene: Scene, tell: Tell) -> None:
    response = await ask(scene, "What time is it", {"type": "function", "name": "get_time"})
    (call,) = calls_of(response)
    assert (call.name, json.loads(call.arguments)) == ("get_time", {})
    tell("yes" if "named" in scene.server.forces else "only this tool is offered, the call is not forced")


async def test_a_required_call_is_made_or_reported(scene: Scene, tell: Tell) -> None:
    raw = await scene.sdk.responses.with_raw_response.create(
        model=MODEL, input="Weather in Paris", tools=TOOLS, tool_choice="required", temperature=0
    )
    expect_calls(scene, tell, raw.parse(), ("get_weather", {"city": "Paris"}))
    assert raw.headers["x-gateway-dropped"] == "tool_choice:required"
    tell("not forced; reported")


async def test_a_forbidden_tool_is_not_offered(scene: Scene, tell: Tell) -> None:
    """What the model was given to read is told by its length."""
    forbidden = await ask(scene, "Say hello", "none")
    without = await scene.sdk.responses.create(model=MODEL, input="Say hello", temperature=0)
    assert (forbidden.status, calls_of(forbidden)) == ("completed", [])
    assert forbidden.usage is not None
    assert without.usage is not None
    assert forbidden.usage.input_tokens == without.usage.input_tokens


async def test_a_call_cut_by_the_limit_is_not_run(scene: Scene, tell: Tell) -> None:
    stream = await scene.sdk.responses.create(
        model=MODEL, input="Write a note", tools=TOOLS, temperature=0, max_output_tokens=14, stream=True
    )
    *_, last = [event async for event in stream]
    assert last.type == "response.incomplete"
    assert all(call.status == "incomplete" for call in calls_of(last.response))
    tell("incomplete, with what there is of it" if last.response.output else "incomplete, without the call")


async def test_a_call_cut_by_the_limit_is_not_run_without_a_stream_either(scene: Scene, tell: Tell) -> None:
    try:
        response = await ask(scene, "Write a note", limit=14)
    except openai.InternalServerError as error:
        tell(f"the server fails: {error.status_code} `{error.code}`")
    else:
        assert response.status == "incomplete"
        assert all(call.status == "incomplete" for call in calls_of(response))
        tell("incomplete")
