"""What happens around the answers: many at once, clients that leave, servers that fail, and requests that they refuse."""

import asyncio
from statistics import median

import openai
import pytest
from openai.types.responses import ResponseInputParam

from tests.upstreams.conftest import Tell
from tests.upstreams.scene import COUNT, EMOJI, ENDLESS, ENDLESS_TOKENS, HELLO, MODEL, TOOLS, Scene

AT_ONCE = {"Say hello": HELLO, "Count": COUNT, "Show emoji": EMOJI, "Think about 2+2": "The answer is 4."}


async def read_stream(scene: Scene, prompt: str) -> str:
    """The final text of a stream."""
    async with scene.sdk.responses.stream(model=MODEL, input=prompt, temperature=0) as stream:
        return (await stream.get_final_response()).output_text


async def test_streams_at_the_same_time_do_not_mix(scene: Scene, tell: Tell) -> None:
    texts = await asyncio.gather(*(read_stream(scene, prompt) for prompt in AT_ONCE for _ in range(2)))
    assert [text.strip() for text in texts] == [text for text in AT_ONCE.values() for _ in range(2)]


async def test_an_answer_that_another_request_breaks_off_is_no_answer(scene: Scene, tell: Tell) -> None:
    """With nothing but an address, so that all requests reach the server at once."""
    ends = await asyncio.gather(*(end_of_count(scene) for _ in range(4)))
    assert set(ends) <= {("completed", COUNT), ("failed", "")}
    broken = ends.count(("failed", ""))
    tell(f"yes: {broken} of {len(ends)} failed" if broken else "none is broken off")


async def end_of_count(scene: Scene) -> tuple[str, str]:
    """The status of a stream, and its text if that is complete."""
    try:
        stream = await scene.sdk.responses.create(
            model=f"plain/{scene.server.model}", input="Count", temperature=0, stream=True
        )
        *_, last = [event async for event in stream]
    except openai.APIError:
        return "failed", ""
    if last.type == "response.completed":
        return "completed", last.response.output_text
    return last.type.removeprefix("response."), ""


async def endless(scene: Scene) -> openai.AsyncStream[openai.types.responses.ResponseStreamEvent]:
    """A stream of many tokens, of which the first are there."""
    stream = await scene.sdk.responses.create(
        model=MODEL, input="Count", stream=True, temperature=0, max_output_tokens=ENDLESS_TOKENS, extra_body=ENDLESS
    )
    async for event in stream:
        if event.type in ("response.output_text.delta", "response.reasoning_summary_text.delta"):
            break
    return stream


async def computing_of_it_all(scene: Scene) -> float:
    """The processor seconds that the endless stream takes if nobody leaves."""
    await scene.running.wait_until_idle()
    before = scene.running.processor_seconds()
    async for _ in await endless(scene):
        pass
    return scene.running.processor_seconds() - before


async def test_the_server_stops_when_the_client_leaves(scene: Scene, tell: Tell) -> None:
    """Three times: transformers misses it now and then, although the connection is gone."""
    whole = await computing_of_it_all(scene)
    rests = []
    for _ in range(3):
        seen = len(scene.gateway.lines)
        await (await endless(scene)).close()
        assert '"client_gone"' in await scene.gateway.wait_for_line('"termination"', since=seen)
        rests.append(await scene.running.wait_until_idle())
    assert median(rests) < whole / 3
    tell(f"yes: {median(rests):.1f} s of computing instead of {whole:.1f} s")


async def test_the_server_stops_when_the_client_of_a_whole_answer_leaves(scene: Scene, tell: Tell) -> None:
    whole = await computing_of_it_all(scene)
    before = scene.running.processor_seconds()
    with pytest.raises(openai.APITimeoutError):
        await scene.sdk.responses.create(
            model=MODEL, input="Count", temperature=0, max_output_tokens=ENDLESS_TOKENS, extra_body=ENDLESS, timeout=0.3
        )
    await scene.running.wait_until_idle()
    used = scene.running.processor_seconds() - before
    tell(f"{'yes' if used < whole / 3 else 'no'}: {used:.1f} s of computing instead of {whole:.1f} s")
    assert await read_stream(scene, "Say hello") == HELLO


async def test_a_killed_server_is_a_failed_response(scene: Scene, tell: Tell) -> None:
    stream = await endless(scene)
    scene.running.kill()
    events = [event async for event in stream]
    try:
        assert events[-1].type == "response.failed"
        assert events[-1].response.error is not None
        with pytest.raises(openai.InternalServerError) as caught:
            await scene.sdk.responses.create(model=MODEL, input="Say hello")
        assert (caught.value.status_code, caught.value.code) == (503, "upstream_unreachable")
    finally:
        await asyncio.to_thread(scene.running.start)
    await answers_again(scene)


async def answers_again(scene: Scene) -> None:
    """A server that is back is used again, at the latest when its pause is over."""
    async with asyncio.timeout(60):
        while True:
            try:
                assert await read_stream(scene, "Say hello") == HELLO
            except openai.InternalServerError:
                await asyncio.sleep(0.5)
            else:
                return


async def test_a_prompt_that_does_not_fit_is_an_error(scene: Scene, tell: Tell) -> None:
    if scene.server.context is None:
        tell("not tried: the server would go on for minutes")
        return
    with pytest.raises(openai.APIStatusError) as caught:
        await scene.sdk.responses.create(model=MODEL, input="Say hello " * scene.server.context, temperature=0)
    tell(f"yes: {caught.value.status_code} `{caught.value.code}`")


async def test_arguments_that_are_no_json_do_no_harm(scene: Scene, tell: Tell) -> None:
    """Some servers break at a history that holds what a model wrote wrongly."""
    history: ResponseInputParam = [
        {"role": "user", "content": "Weather in Paris"},
        {"type": "function_call", "call_id": "a", "name": "get_weather", "arguments": '{"city": "Par'},
        {"type": "function_call_output", "call_id": "a", "output": "sunny"},
    ]
    response = await scene.sdk.responses.create(model=MODEL, input=history, tools=TOOLS, temperature=0)
    assert response.status == "completed"
    assert response.output_text


async def test_an_unknown_model_is_said_to_be_unknown(scene: Scene, tell: Tell) -> None:
    try:
        response = await scene.sdk.responses.create(
            model=f"{scene.server.name}/nobody", input="Say hello", temperature=0
        )
    except (openai.BadRequestError, openai.NotFoundError) as error:
        tell(f"yes: {error.status_code} `{error.code}`")
    else:
        assert response.output_text == HELLO
        tell("no: the server answers to any name")
