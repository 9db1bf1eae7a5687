"""What the Conversations API refuses, and in which form; that it works is shown with the SDKs in tests/clients."""

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes.local_gateway import LocalGateway, local_gateway
from tests.official import check_error

UNKNOWN = f"conv_{'0' * 48}"
MESSAGE: JSONObject = {"role": "user", "content": "Hi"}

REFUSED = [
    ("POST", "", {"items": [MESSAGE] * 21}, 400, "items"),
    ("POST", "", {"items": MESSAGE}, 400, "items"),
    ("POST", "", {"items": [MESSAGE, {"type": "message", "role": "nobody", "content": "Hi"}]}, 400, "items[1].role"),
    ("POST", "", {"metadata": {"a": 1}}, 400, "metadata"),
    ("POST", "", {"metadata": {str(number): "" for number in range(17)}}, 400, "metadata"),
    ("POST", "", [], 400, None),
    ("POST", "/{id}", {}, 400, "metadata"),
    ("POST", "/{id}", {"metadata": None}, 400, "metadata"),
    ("POST", "/{id}/items", {"items": []}, 400, "items"),
    ("POST", "/{id}/items", {}, 400, "items"),
    ("POST", "/{id}/items", {"items": [MESSAGE] * 21}, 400, "items"),
    ("GET", "/{id}/items?limit=0", None, 400, "limit"),
    ("GET", "/{id}/items?limit=x", None, 400, "limit"),
    ("GET", "/{id}/items?order=up", None, 400, "order"),
    ("GET", "/{id}/items?after=msg_none", None, 400, "after"),
    ("GET", "/{id}/items/msg_none", None, 404, None),
    ("DELETE", "/{id}/items/msg_none", None, 404, None),
    ("GET", f"/{UNKNOWN}", None, 404, None),
    ("POST", f"/{UNKNOWN}", {"metadata": {}}, 404, None),
    ("DELETE", f"/{UNKNOWN}", None, 404, None),
    ("GET", f"/{UNKNOWN}/items", None, 404, None),
    ("POST", f"/{UNKNOWN}/items", {"items": [MESSAGE]}, 404, None),
    ("GET", "/resp_1", None, 404, None),
    ("GET", "/conv_%2e%2e%2fx", None, 404, None),
    ("PUT", "/{id}", {}, 405, None),
]


async def ask(gateway: LocalGateway, method: str, path: str, body: object) -> tuple[int, bytes]:
    """Status and body of an answer below `/v1/conversations`."""
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.request(method, f"{gateway.base_url}/conversations{path}", json=body) as answer,
    ):
        return answer.status, await answer.read()


@pytest.mark.parametrize(("method", "path", "body", "status", "param"), REFUSED)
async def test_what_is_wrong_is_named(method: str, path: str, body: object, status: int, param: str | None) -> None:
    async with local_gateway() as gateway:
        _, made = await ask(gateway, "POST", "", None)
        conversation = made.split(b'"')[3].decode()
        got, answer = await ask(gateway, method, path.format(id=conversation), body)
        assert got == status
        error = orjson.loads(answer)
        check_error(error)
        assert error["error"]["param"] == param
        assert (await ask(gateway, "GET", f"/{conversation}/items", None))[1].startswith(b'{"object":"list","data":[]')
