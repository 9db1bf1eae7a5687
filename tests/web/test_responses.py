import orjson

from gateway.web.identifiers import mint_id
from tests.fakes import chat
from tests.fakes.local_gateway import KEY
from tests.fakes.raw import http, send
from tests.faults.scene import REQUEST, ask, error_of, scene, stream_of
from tests.official import check_response


def test_ids_have_their_prefix_and_cannot_be_guessed() -> None:
    ids = {mint_id("resp") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(name.startswith("resp_") and len(name) == len("resp_") + 48 for name in ids)


async def test_a_response_is_streamed_or_not() -> None:
    async with scene(chat.text_stream("Hello")) as place:
        assert (await stream_of(place.gateway)).response["status"] == "completed"
        _, _, body = await ask(place.gateway, REQUEST | {"stream": False})
        check_response(orjson.loads(body))
        line = await place.gateway.log.request_line(1)
        assert (line["model"], line["provider"], line["upstream_model"]) == ("up/model", "up", "model")


async def test_what_was_dropped_is_reported_in_a_header() -> None:
    async with scene(chat.text_stream("Hello")) as place:
        _, headers, _ = await ask(place.gateway, REQUEST | {"tools": [{"type": "web_search"}]})
        assert headers["x-gateway-dropped"] == "tools[0]:web_search"


async def test_the_mode_may_be_chosen_by_a_header() -> None:
    async with scene(chat.text_stream("Hello")) as place:
        request = REQUEST | {"tools": [{"type": "web_search"}]}
        status, _, body = await ask(place.gateway, request, headers={"x-gateway-mode": "STRICT"})
        assert (status, orjson.loads(body)["error"]["param"]) == (400, "tools[0]")
        status, _, body = await ask(place.gateway, request, headers={"x-gateway-mode": "odd"})
        assert (status, orjson.loads(body)["error"]["param"]) == (400, "x-gateway-mode")


async def test_an_unknown_model_is_a_404() -> None:
    async with scene() as place:
        status, error = await error_of(place.gateway, REQUEST | {"model": "none/model"})
        assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")


async def test_an_upgrade_is_answered_with_426_and_a_plain_get_with_405() -> None:
    async with scene() as place:
        upgrade = ("Upgrade: WebSocket", "Connection: Upgrade")
        answer = await send(
            place.gateway.port,
            http("GET", "/v1/responses", headers=(*upgrade, "X: 1"), key=KEY)[:-2]
            + b"\r\n"
            + http("GET", "/v1/responses", headers=("Connection: close",), key=KEY),
        )
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"HTTP/1.1 405 " in answer
        assert b"Allow: POST" in answer
