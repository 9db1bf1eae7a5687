"""`POST /v1/responses/compact` through the real process."""

import json

import openai
import pytest

from gateway.translate.compaction import SUMMARY_OPENING
from tests.fakes.chat import text_stream
from tests.fakes.client import post_stream
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream


def client_of(gateway: GatewayProcess) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)


def completion(text: str, reason: str = "stop") -> Script:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return Script.json({"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage})


async def test_a_conversation_is_compacted_and_goes_on(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.answer(completion("We fixed the bug."), Script.of(text_stream("Good.")))
    async with client_of(gateway) as client:
        compacted = await client.responses.compact(model="up/model", input="Fix the bug.")
        assert [item.type for item in compacted.output] == ["compaction"]
        assert (compacted.object, compacted.usage.total_tokens) == ("response.compaction", 7)
        following = [item.model_dump(exclude_none=True) for item in compacted.output]
        follow_up = {"role": "user", "content": "And now?"}
        request = {"model": "up/model", "input": [*following, follow_up], "stream": True}
        await post_stream(gateway, request)
    sent = json.dumps(upstream.last.json)
    assert json.dumps(SUMMARY_OPENING + "We fixed the bug.")[1:-1] in sent


@pytest.mark.parametrize(
    ("body", "param"),
    [({"model": "up/model"}, "input"), ({"input": "x"}, "model"), ({"model": "up/model", "input": []}, "input")],
)
async def test_what_is_missing_is_named(gateway: GatewayProcess, body: dict[str, object], param: str) -> None:
    async with client_of(gateway) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.post("/responses/compact", body=body, cast_to=object)
    assert caught.value.param == param


async def test_a_summary_that_was_cut_is_an_error(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.answer(completion("We fi", "length"))
    async with client_of(gateway) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.responses.compact(model="up/model", input="Fix the bug.")
    assert caught.value.status_code == 502
