"""The official Python SDK against the real gateway in front of an upstream that speaks Responses, well or half."""

from collections.abc import AsyncIterator, Iterator

import openai
import orjson
import pytest
from openai import AsyncOpenAI

from gateway.codec.json import JSONObject
from tests.fakes.client import post, post_stream
from tests.fakes.gateway import GatewayProcess, start_gateway
from tests.fakes.upstream import Script, Upstream
from tests.native_cases import (
    NativeCase,
    assert_expected,
    calls_of,
    changed,
    index_zero,
    native_case,
    native_cases,
    other_ids,
)

CUSTOM: JSONObject = {"type": "custom", "name": "apply_patch"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream_port: int) -> Iterator[GatewayProcess]:
    """The real gateway, with one native provider and one half-native one on the same server."""
    native: JSONObject = {"base_url": f"http://127.0.0.1:{upstream_port}/v1", "wire": "responses"}
    native |= {"api_key": "upstream-secret", "breaker_failures": 0}
    half = native | {"name": "half", "drop_types": ["custom*", "web_search*"]}
    process = start_gateway(tmp_path_factory.mktemp("gateway"), [native | {"name": "up"}, half])
    yield process
    process.stop_cleanly()


@pytest.fixture
async def client(gateway: GatewayProcess) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=20) as sdk:
        yield sdk


@pytest.mark.parametrize("case", native_cases(), ids=str)
async def test_every_stream_of_the_corpus_comes_out_right(
    case: NativeCase, gateway: GatewayProcess, upstream: Upstream
) -> None:
    upstream.answer(Script.of(case.body))
    if case.expected["status"] == "failed" and not case.expected["items"]:
        assert (await post(gateway, {"model": "up/model", "input": "Hi", "stream": True})).status >= 400
        return
    assert_expected(case, await post_stream(gateway, {"model": "up/model", "input": "Hi"}))
    assert upstream.last.path == "/v1/responses"


async def test_what_is_continued_is_sent_whole_and_stored_here(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.of(native_case("vllm_reasoning").body))
    first = await client.responses.create(model="up/model", input="One")
    await client.responses.create(model="up/model", input="Two", previous_response_id=first.id)
    sent = upstream.last.json
    assert (sent["store"], "previous_response_id" in sent) == (False, False)
    assert [item.get("role") for item in sent["input"] if item["type"] == "message"] == ["user", "assistant", "user"]
    assert (await client.responses.retrieve(first.id)).output_text == first.output_text


async def test_the_stream_helper_reads_what_a_half_native_server_garbled(
    client: AsyncOpenAI, upstream: Upstream
) -> None:
    case = native_case("vllm_reasoning")
    for body in (case.body, changed(case, other_ids), changed(case, index_zero)):
        upstream.answer(Script.of(body))
        async with client.responses.stream(model="up/model", input="Hi") as stream:
            snapshots = [event.snapshot async for event in stream if event.type == "response.output_text.delta"]
            final = await stream.get_final_response()
        assert snapshots == ["Y", "Yes."]
        assert [item.type for item in final.output] == ["reasoning", "message"]
        assert final.output_text == "Yes."


async def test_an_answer_that_is_not_streamed_passes_too(client: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.answer(Script.json(native_case("openai_search").events[-1]["response"]))
    response = await client.responses.create(model="up/model", input="Hi", tools=[{"type": "web_search"}])
    assert response.output_text == "Hello 🎉 there"
    assert [item.type for item in response.output] == ["reasoning", "web_search_call", "message"]
    sent = upstream.last.json
    assert (sent["model"], sent["store"], sent["tools"]) == ("model", False, [{"type": "web_search"}])
    assert upstream.last.headers["authorization"] == "Bearer upstream-secret"


async def test_the_upstreams_reasoning_comes_back_to_it(
    client: AsyncOpenAI, gateway: GatewayProcess, upstream: Upstream
) -> None:
    upstream.answer(Script.of(native_case("openai_tools").body))
    first = await client.responses.create(model="up/model", input="Hi")
    assert "opaque" not in orjson.dumps(first.model_dump()).decode()
    history = [{"role": "user", "content": "Hi"}, *(item.model_dump(exclude_none=True) for item in first.output)]
    upstream.answer(Script.of(native_case("openai_phases").body))
    answer = await post(gateway, {"model": "up/model", "input": history})
    assert "x-gateway-dropped" not in answer.headers
    own = upstream.last.json["input"][1]
    assert own == {"id": "rs_b", "type": "reasoning", "summary": [], "encrypted_content": "gAAAAABtools=="}
    other = await post(gateway, {"model": "half/model", "input": history})
    assert other.headers["x-gateway-dropped"] == "input[1]:reasoning"
    assert upstream.last.json["input"][1]["type"] == "function_call"


async def test_a_server_that_knows_only_functions_serves_freeform_tools(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    item = {"type": "function_call", "id": "a", "call_id": "c", "name": "apply_patch", "arguments": '{"input":"x\\ny"}'}
    end = {"type": "response.completed", "response": {"output": [item]}}
    upstream.answer(Script.of(b"data: " + orjson.dumps(end) + b"\n\n"))
    stream = await post_stream(gateway, {"model": "half/model", "input": "Hi", "tools": [CUSTOM]})
    assert calls_of(stream) == [["c", "apply_patch", "x\ny"]]
    assert stream.calls[0]["type"] == "custom_tool_call"
    assert upstream.last.json["tools"][0]["type"] == "function"


async def test_a_refusal_is_an_error_with_its_code(client: AsyncOpenAI, upstream: Upstream) -> None:
    error = {"message": "Your input exceeds the context window.", "code": "context_length_exceeded", "type": "x"}
    upstream.answer(Script.json({"error": error}, status=400))
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="up/model", input="Hi", stream=True)
    assert caught.value.code == "context_length_exceeded"


async def test_the_tokens_of_a_request_are_estimated(client: AsyncOpenAI) -> None:
    counted = await client.responses.input_tokens.count(model="up/model", input="Hello there", instructions="Be brief.")
    assert counted.input_tokens > 3
