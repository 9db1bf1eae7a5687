"""An upstream that refuses optional members, as the client sees it: an answer, and what it lost in a header."""

import pytest

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.local_gateway import provider_table
from tests.fakes.upstream import Script, running_upstream
from tests.faults.scene import REQUEST, ask
from tests.faults.shared_gateway import SHARED, Gateway

ASKED = REQUEST | {"temperature": 0.5, "reasoning": {"effort": "low"}}
CHAT: JSONObject = {"model": "up/model", "messages": [], "stream": True, "temperature": 0.5}
WHOLE: JSONObject = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi"}}]}
DROPPED = "x-gateway-dropped"


def choosy(body: JSONObject) -> Script:
    """A model that takes no temperature."""
    if "temperature" in body:
        message = "Unsupported parameter: 'temperature' is not supported with this model."
        return Script.json(chat.error_body(message), status=400)
    return Script.of(chat.text_stream("Hi")) if body["stream"] else Script.json(WHOLE)


async def answered(gateway: Gateway, request: JSONObject) -> str:
    status, headers, body = await ask(gateway, request)
    assert (status, b"Hi" in body) == (200, True)
    return headers.get(DROPPED, "")


@pytest.mark.parametrize("stream", [True, False])
async def test_the_answer_comes_and_what_was_left_out_is_told_each_time(*, stream: bool) -> None:
    async with running_upstream() as upstream, SHARED.configured(provider_table(upstream.base_url)) as gateway:
        upstream.respond(choosy)
        assert await answered(gateway, ASKED | {"stream": stream}) == "temperature"
        assert await answered(gateway, ASKED | {"stream": stream}) == "temperature"
        assert await answered(gateway, REQUEST | {"stream": stream}) == ""
        assert ["temperature" in one.json for one in upstream.received] == [True, False, False, False]
        assert all(one.json.get("reasoning_effort") == "low" for one in upstream.received[:3])


async def test_a_request_for_chat_is_passed_on_as_it_is() -> None:
    async with running_upstream() as upstream, SHARED.configured(provider_table(upstream.base_url)) as gateway:
        upstream.respond(choosy)
        for _ in range(2):
            status, _, body = await ask(gateway, CHAT, path="/chat/completions")
            assert (status, b"temperature" in body) == (400, True)
        assert len(upstream.received) == 2


async def test_in_strict_mode_the_refusal_is_the_answer_also_when_it_is_known() -> None:
    async with running_upstream() as upstream, SHARED.configured(provider_table(upstream.base_url)) as gateway:
        upstream.respond(choosy)
        for _ in range(2):
            status, headers, body = await ask(gateway, ASKED, headers={"x-gateway-mode": "strict"})
            assert (status, b"temperature" in body, DROPPED in headers) == (400, True, False)
            assert "temperature" in upstream.last.json
            assert await answered(gateway, ASKED) == "temperature"
        assert ["temperature" in one.json for one in upstream.received] == [True, True, False, True, False]
