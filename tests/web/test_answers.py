import orjson

from gateway.errors import ErrorKind, GatewayError
from gateway.web.answers import error_answer, json_answer, raw_json_answer
from tests.fakes.upstream import Script
from tests.faults.scene import REQUEST, ask, scene


def test_a_value_becomes_a_json_body() -> None:
    answer = json_answer({"a": 1}, 201, {"X-A": "b"})
    assert (answer.body, answer.status, answer.content_type) == (b'{"a":1}', 201, "application/json")
    assert answer.headers["X-A"] == "b"


def test_json_is_sent_as_it_is() -> None:
    assert raw_json_answer(b'{ "a":1}').body == b'{ "a":1}'


def test_an_error_has_its_status_and_headers() -> None:
    answer = error_answer(GatewayError(ErrorKind.RATE_LIMITED, "slow", retry_after=3))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


async def test_a_large_answer_arrives_whole_with_its_length() -> None:
    text = "x" * 3_000_000
    message = {"role": "assistant", "content": text}
    script = Script.json({"choices": [{"message": message, "finish_reason": "stop"}]})
    async with scene(script=script) as place:
        status, headers, body = await ask(
            place.gateway, REQUEST | {"stream": False, "max_tool_calls": 3, "include": ["web_search_call.results"]}
        )
        assert (status, headers["content-type"]) == (200, "application/json")
        assert int(headers["content-length"]) == len(body)
        assert "x-gateway-dropped" in headers
        assert orjson.loads(body)["output"][0]["content"][0]["text"] == text
