"""The pass-through; how it ends when something breaks is in tests/faults/."""

import orjson
import pytest

from gateway.codec.json import JSONObject
from gateway.settings import AliasSettings
from tests.fakes import chat
from tests.fakes.local_gateway import local_gateway, provider
from tests.fakes.upstream import Script, running_upstream
from tests.faults.scene import ask, scene
from tests.official import check_error

PATH = "/chat/completions"
REQUEST: JSONObject = {"model": "up/qwen/3", "messages": [{"role": "user", "content": "Hi"}]}
COMPLETION: JSONObject = {"id": "c", "choices": [{"message": {"content": "Hello"}}], "odd": [1.0, None]}


async def test_only_the_model_is_changed_on_the_way() -> None:
    async with scene(script=Script.json(COMPLETION)) as place:
        request = REQUEST | {"temperature": 0.5, "unknown": {"a": [1]}}
        status, headers, body = await ask(place.gateway, request, path=PATH)
        assert (status, headers["content-type"]) == (200, "application/json")
        assert body == orjson.dumps(COMPLETION)
        assert place.upstream.last.json == request | {"model": "qwen/3"}
        assert place.upstream.last.headers["accept"] == "application/json"
        line = await place.gateway.log.request_line()
        assert (line["model"], line["upstream_model"], line["termination"]) == ("up/qwen/3", "qwen/3", "completed")


async def test_a_stream_is_passed_byte_for_byte() -> None:
    stream = b": hi\r\n\r\n" + chat.text_stream("Hello").replace(b"\n", b"\r\n")
    async with scene(stream[:50], 0.02, stream[50:]) as place:
        status, headers, body = await ask(place.gateway, REQUEST | {"stream": True}, path=PATH)
        assert (status, body, headers["content-type"]) == (200, stream, "text/event-stream")


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
async def test_a_type_that_cannot_be_is_replaced_by_the_one_that_was_asked_for(content_type: str) -> None:
    async with scene(script=Script((b"data: {}\n\n",), 200, content_type)) as place:
        _, headers, _ = await ask(place.gateway, REQUEST | {"stream": True}, path=PATH)
        assert headers["content-type"] == "text/event-stream"
        _, headers, _ = await ask(place.gateway, REQUEST, path=PATH)
        assert headers["content-type"] == "application/json"


BAD: list[tuple[JSONObject, str]] = [
    ({}, "missing_required_parameter"),
    ({"model": ""}, "missing_required_parameter"),
    ({"model": None}, "missing_required_parameter"),
    ({"model": 7}, "invalid_type"),
    ({"model": "none/x"}, "model_not_found"),
]


@pytest.mark.parametrize(("request_body", "code"), BAD)
async def test_a_request_without_a_known_model_is_refused(request_body: JSONObject, code: str) -> None:
    async with scene() as place:
        status, _, body = await ask(place.gateway, request_body, path=PATH)
        check_error(orjson.loads(body))
        assert status in (400, 404)
        assert (orjson.loads(body)["error"]["code"], orjson.loads(body)["error"]["param"]) == (code, "model")
        assert (await place.gateway.log.request_line())["termination"] == "client_error"


async def test_the_error_of_the_last_target_is_the_answer() -> None:
    alias = AliasSettings(id="coder", targets=("a/x", "b/x"))
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script.json(chat.error_body("first"), status=503))
        second.answer(Script.json(chat.error_body("second"), status=503))
        targets = provider(first.base_url, name="a"), provider(second.base_url, name="b")
        async with local_gateway(*targets, aliases=(alias,)) as gateway:
            status, _, body = await ask(gateway, REQUEST | {"model": "coder"}, path=PATH)
            assert (status, orjson.loads(body)["error"]["message"]) == (503, "second")
            line = await gateway.log.request_line()
            assert (line["provider"], line["termination"]) == ("b", "failed_upstream_status")
