"""The official Python SDK against the real gateway over a real socket, with nothing adapted on either side."""

import asyncio
import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import ParsedResponse, Response, ResponseFunctionToolCall, ResponseInputParam, ToolParam
from pydantic import BaseModel

from gateway.codec.json import JSONObject
from tests.fakes.chat import call_stream, chunk, ending, error_body, text_stream
from tests.fakes.client import post, post_stream
from tests.fakes.gateway import GatewayProcess
from tests.fakes.local_gateway import KEY, local_gateway, provider
from tests.fakes.upstream import Script, Step, Upstream, running_upstream

WEATHER: ToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
CLOCK: ToolParam = {
    "type": "function",
    "name": "get_time",
    "description": "The time in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
async def client(gateway: GatewayProcess) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=20) as sdk:
        yield sdk


def calls_of(response: Response | ParsedResponse[Person]) -> list[ResponseFunctionToolCall]:
    return [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]


async def test_a_string_is_answered_with_text(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("Hello", ", wörld")))
    response = await client.responses.create(model="up/model", input="Hi", instructions="Be brief.")
    assert response.output_text == "Hello, wörld"
    assert (response.status, response.model) == ("completed", "up/model")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (11, 7, 18)
    messages = upstream.last.json["messages"]
    assert messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert upstream.last.json["model"] == "model"
    assert upstream.last.headers["authorization"] == "Bearer upstream-secret"


async def test_a_list_of_items_is_answered_with_text(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("Yes.")))
    history: ResponseInputParam = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": [{"type": "input_text", "text": "Three"}]},
    ]
    response = await client.responses.create(model="up/model", input=history)
    assert response.output_text == "Yes."
    assert [message["content"] for message in upstream.last.json["messages"]] == ["One", "Two", "Three"]


async def test_a_stream_can_be_iterated(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("a", "b", "c")))
    stream = await client.responses.create(model="up/model", input="Hi", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "abc"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "abc"


async def test_the_stream_helper_gives_the_final_response(client: AsyncOpenAI, upstream: Upstream) -> None:
    reasoning = chunk({"reasoning_content": "Hm."})
    upstream.answer(Script.of(reasoning + text_stream("Hel", "lo")))
    async with client.responses.stream(model="up/model", input="Hi") as stream:
        snapshots = [event.snapshot async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    assert snapshots == ["Hel", "Hello"]
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.output_text == "Hello"


def talk(gateway: GatewayProcess) -> tuple[str, list[str], str]:
    """A conversation with the blocking client: an answer, a raw stream's types, a helper's final text."""
    with OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=20) as client:
        answer = client.responses.create(model="up/model", input="Hi").output_text
        with client.responses.create(model="up/model", input="Hi", stream=True) as events:
            types = [str(event.type) for event in events]
        with client.responses.stream(model="up/model", input="Hi") as stream:
            stream.until_done()
            final = stream.get_final_response().output_text
    return answer, types, final


async def test_the_blocking_client_works_as_well(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("blocking")))
    answer, types, final = await asyncio.to_thread(talk, gateway)
    assert (answer, final) == ("blocking", "blocking")
    assert (types[0], types[-1]) == ("response.created", "response.completed")


@pytest.mark.usefixtures("demo")
async def test_a_function_call_leads_to_a_final_text(client: AsyncOpenAI) -> None:
    history: ResponseInputParam = [{"role": "user", "content": "Please call get_weather for the weather in Oslo"}]
    first = await client.responses.create(model="demo/demo", input=history, tools=[WEATHER])
    (call,) = calls_of(first)
    assert (call.name, call.status) == ("get_weather", "completed")
    assert json.loads(call.arguments).keys() == {"city"}
    history += [item.model_dump(exclude_none=True) for item in first.output]  # type: ignore[misc]  # as the SDK documents it
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "It is sunny, 21 degrees."})
    second = await client.responses.create(model="demo/demo", input=history, tools=[WEATHER])
    assert calls_of(second) == []
    assert "sunny" in second.output_text


@pytest.mark.usefixtures("demo")
async def test_a_streamed_function_call_leads_to_a_final_text(client: AsyncOpenAI) -> None:
    history: ResponseInputParam = [{"role": "user", "content": "Please call get_weather for the weather in Oslo"}]
    async with client.responses.stream(model="demo/demo", input=history, tools=[WEATHER]) as stream:
        deltas = [event.delta async for event in stream if event.type == "response.function_call_arguments.delta"]
        first = await stream.get_final_response()
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert "".join(deltas) == call.arguments
    history.append({"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments})
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "It is sunny."})
    async with client.responses.stream(model="demo/demo", input=history, tools=[WEATHER]) as stream:
        second = await stream.get_final_response()
    assert "sunny" in second.output_text


async def test_parallel_calls_arrive_apart_and_in_order(client: AsyncOpenAI, upstream: Upstream) -> None:
    calls = ("call_a", "get_weather", '{"city":"Oslo"}'), ("call_b", "get_time", '{"city":"Lima"}')
    upstream.answer(Script.of(call_stream(*calls)), Script.of(text_stream("Both done.")))
    async with client.responses.stream(model="up/model", input="Both", tools=[WEATHER, CLOCK]) as stream:
        final = await stream.get_final_response()
    got = [item for item in final.output if item.type == "function_call"]
    assert [(call.call_id, call.name, call.arguments) for call in got] == list(calls)
    history: ResponseInputParam = [{"role": "user", "content": "Both"}]
    for call in got:
        item = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
        history.append(item)  # type: ignore[arg-type]  # a literal type is a str here
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in got]
    answer = await client.responses.create(model="up/model", input=history, tools=[WEATHER, CLOCK])
    assert answer.output_text == "Both done."
    assistant, *results = upstream.last.json["messages"][1:]
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_a", "call_b"]
    assert [(result["role"], result["tool_call_id"]) for result in results] == [("tool", "call_a"), ("tool", "call_b")]


async def test_structured_output_is_parsed_into_a_model(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream('{"name": "Ada",', ' "age": 36}')))
    response = await client.responses.parse(model="up/model", input="Who?", text_format=Person)
    assert response.output_parsed == Person(name="Ada", age=36)
    sent = upstream.last.json["response_format"]
    assert (sent["type"], sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("json_schema", "Person", True)
    assert sent["json_schema"]["schema"]["required"] == ["name", "age"]


@pytest.mark.usefixtures("demo")
async def test_structured_output_of_a_stream_is_parsed_too(client: AsyncOpenAI) -> None:
    async with client.responses.stream(model="demo/demo", input="Who?", text_format=Person) as stream:
        final = await stream.get_final_response()
    assert isinstance(final.output_parsed, Person)


async def test_images_reach_the_upstream(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("A pixel.")))
    picture: ResponseInputParam = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": PIXEL, "detail": "high"},
            ],
        }
    ]
    response = await client.responses.create(model="up/model", input=picture)
    assert response.output_text == "A pixel."
    assert upstream.last.json["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}},
    ]


async def test_a_wrong_key_is_an_authentication_error(gateway: GatewayProcess) -> None:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="wrong-secret", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            await stranger.responses.create(model="up/model", input="Hi")
    assert caught.value.code == "invalid_api_key"
    assert "wrong-secret" not in str(caught.value)
    assert "wrong-secret" not in gateway.output


async def test_a_wrong_type_is_a_bad_request_that_names_the_field(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="up/model", input="Hi", temperature="hot")  # type: ignore[call-overload]
    assert (caught.value.param, caught.value.code) == ("temperature", "invalid_type")
    assert caught.value.request_id


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.responses.create(model="nobody/model", input="Hi")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "expected", "code"),
    [
        (
            Script.json(error_body("slow down", code="rate_limit_exceeded"), status=429, headers={"Retry-After": "7"}),
            openai.RateLimitError,
            "rate_limit_exceeded",
        ),
        (Script.json(error_body("boom"), status=500), openai.InternalServerError, "upstream_error"),
        (Script(status=502, content_type="text/html", steps=(b"<h1>Bad</h1>",)), openai.InternalServerError, None),
        (Script.json(error_body("overloaded"), status=503), openai.InternalServerError, "server_is_overloaded"),
        (Script.json(error_body("your key upstream-secret is bad"), status=401), openai.InternalServerError, None),
        (
            Script.json(error_body("maximum context length is 10 tokens", code="context_length_exceeded"), status=400),
            openai.BadRequestError,
            "context_length_exceeded",
        ),
    ],
    ids=["429", "500", "html 502", "503", "401", "context"],
)
async def test_a_refusal_of_the_upstream_is_the_right_exception(
    client: AsyncOpenAI,
    upstream: Upstream,
    script: Script,
    expected: type[openai.APIStatusError],
    code: str | None,
    *,
    stream: bool,
) -> None:
    upstream.answer(script)
    with pytest.raises(expected) as caught:
        await client.responses.create(model="up/model", input="Hi", stream=stream)
    assert code in (None, caught.value.code)
    assert "upstream-secret" not in str(caught.value)
    if caught.value.status_code == 429:
        assert caught.value.response.headers["retry-after"] == "7"


async def test_an_upstream_that_is_away_is_a_server_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.responses.create(model="up/model", input="Hi")
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_unreachable")


@pytest.mark.parametrize("ending_step", ["cut", "reset", b"", b'data: {"error": {"message": "gone"}}\n\n'])
async def test_a_broken_upstream_is_never_a_completed_response(
    client: AsyncOpenAI, upstream: Upstream, ending_step: Step
) -> None:
    upstream.answer(Script.of(chunk({"content": "Half"}), 0.05, ending_step))
    stream = await client.responses.create(model="up/model", input="Hi", stream=True)
    events = [event async for event in stream]
    assert events[-1].type == "response.failed"
    assert events[-1].response.error is not None
    assert events[-1].response.output_text == "Half"


async def test_a_truncated_answer_is_incomplete(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("One", finish="length")))
    response = await client.responses.create(model="up/model", input="Count", max_output_tokens=1)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert upstream.last.json["max_tokens"] == 1


@pytest.mark.usefixtures("upstream", "demo")
async def test_models_are_listed_and_retrieved(client: AsyncOpenAI) -> None:
    models = {model.id: model async for model in client.models.list()}
    assert {"up/model", "demo/demo", "demo/demo-reasoner"} <= models.keys()
    assert (await client.models.retrieve("demo/demo")).id == "demo/demo"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("demo/none")


@pytest.mark.parametrize("step", ["hang", "headers"], ids=["before the head", "before the first chunk"])
async def test_a_client_that_times_out_cancels_the_upstream(
    client: AsyncOpenAI, upstream: Upstream, step: Step
) -> None:
    upstream.answer(Script.of(step, "hang"))
    with pytest.raises(openai.APITimeoutError):
        await client.responses.create(model="up/model", input="Hi", timeout=0.5)
    await upstream.last.wait_until_left()


async def test_a_client_that_leaves_in_mid_stream_cancels_the_upstream(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"content": "on"}), "hang"))
    stream = await client.responses.create(model="up/model", input="Hi", stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    assert not upstream.last.left.is_set()
    await stream.close()
    await upstream.last.wait_until_left()


async def test_headers_say_which_request_it_was_and_what_was_dropped(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("ok")))
    raw = await client.responses.with_raw_response.create(
        model="up/model", input="Hi", tools=[WEATHER, {"type": "web_search"}], truncation="disabled"
    )
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-gateway-dropped"] == "tools[1]:web_search"
    assert raw.parse().output_text == "ok"
    assert [tool["function"]["name"] for tool in upstream.last.json["tools"]] == ["get_weather"]


async def test_nothing_is_said_about_dropping_when_nothing_was_dropped(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("ok")))
    raw = await client.responses.with_raw_response.create(model="up/model", input="Hi", store=False)
    assert "x-gateway-dropped" not in raw.headers


STREAMS: dict[str, bytes] = {
    "text": text_stream("a", "b"),
    "reasoning": chunk({"reasoning_content": "Hm."}) + text_stream("a"),
    "one call": call_stream(("call_a", "get_weather", '{"city":"Oslo"}')),
    "two calls": call_stream(("call_a", "get_weather", "{}"), ("call_b", "get_time", "")),
    "text and a call": chunk({"content": "Let me see."}) + call_stream(("call_a", "get_weather", "{}")),
    "refusal": chunk({"refusal": "I will "}) + chunk({"refusal": "not."}) + ending(),
    "truncated": text_stream("a", finish="length"),
    "filtered": text_stream("a", finish="content_filter"),
    "empty": ending(),
    "broken off": chunk({"content": "Half"}),
    "an error": chunk({"content": "Half"}) + b'data: {"error": {"message": "gone"}}\n\n',
}


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS.keys())
async def test_every_raw_stream_keeps_the_rules(gateway: GatewayProcess, upstream: Upstream, body: bytes) -> None:
    upstream.answer(Script.of(body))
    request: JSONObject = {"model": "up/model", "input": "Hi", "tools": [WEATHER, CLOCK]}
    streamed = await post_stream(gateway, request)
    answer = await post(gateway, request)
    if answer.status == 200:
        assert [without_id(item) for item in answer.body["output"]] == [
            without_id(item) for item in streamed.response["output"]
        ]
        assert answer.body["usage"] == streamed.response["usage"]
    else:
        assert streamed.response["status"] == "failed"


def without_id(item: JSONObject) -> JSONObject:
    """The item without what is random in it."""
    return {key: value for key, value in item.items() if key not in ("id", "encrypted_content")}


async def test_silence_is_filled_with_heartbeats_that_the_sdk_accepts(
    client: AsyncOpenAI, gateway: GatewayProcess, upstream: Upstream
) -> None:
    upstream.answer(Script.of("headers", 0.1, chunk({"content": "late"}), 0.5, ending()))
    checked = await post_stream(gateway, {"model": "up/model", "input": "Hi"})
    assert "keepalive" in checked.types
    async with client.responses.stream(model="up/model", input="Hi") as stream:
        assert (await stream.get_final_response()).output_text == "late"


async def test_silence_before_the_first_word_is_filled_too() -> None:
    limits = {"commit_after_seconds": 0.1, "heartbeat_seconds": 0.1}
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url), server=limits) as gateway:
        upstream.answer(Script.of("headers", 0.6, chunk({"content": "late"}), ending()))
        async with (
            AsyncOpenAI(base_url=gateway.base_url, api_key=KEY) as client,
            client.responses.stream(model="up/model", input="Hi") as stream,
        ):
            types = [event.type async for event in stream]
            assert (await stream.get_final_response()).output_text == "late"
        assert types.count("response.in_progress") > 1
