"""What is refused of responses that are stored, and in which form; that it works is shown with the SDKs."""

import aiohttp
import orjson
import pytest

from tests.fakes import chat
from tests.fakes.local_gateway import PROMPT, local_gateway, provider
from tests.fakes.upstream import Script, running_upstream
from tests.official import check_error

UNKNOWN = f"resp_{'0' * 48}"

REFUSED = [
    ("GET", "/{id}?stream=true", 400, "stream"),
    ("GET", "/{id}?stream=perhaps", 400, "stream"),
    ("GET", "/{id}?stream=true&starting_after=x", 400, "starting_after"),
    ("GET", "/{id}?stream=true&starting_after=-2", 400, "starting_after"),
    ("POST", "/{id}/cancel", 400, None),
    ("GET", "/{id}/input_items?limit=101", 400, "limit"),
    ("GET", "/{id}/input_items?order=newest", 400, "order"),
    ("GET", "/{id}/input_items?after=msg_none", 400, "after"),
    ("GET", f"/{UNKNOWN}", 404, None),
    ("GET", f"/{UNKNOWN}?stream=true", 404, None),
    ("DELETE", f"/{UNKNOWN}", 404, None),
    ("POST", f"/{UNKNOWN}/cancel", 404, None),
    ("GET", f"/{UNKNOWN}/input_items", 404, None),
    ("GET", "/conv_1", 404, None),
    ("GET", "/resp_%0d%0ax", 404, None),
    ("GET", f"/resp_{'0' * 5000}", 404, None),
    ("PUT", "/{id}", 405, None),
    ("GET", "", 405, None),
]


@pytest.mark.parametrize(("method", "path", "status", "param"), REFUSED)
async def test_what_is_wrong_is_named(method: str, path: str, status: int, param: str | None) -> None:
    async with (
        running_upstream() as upstream,
        local_gateway(provider(upstream.base_url)) as gateway,
        aiohttp.ClientSession(headers=gateway.headers) as session,
    ):
        upstream.answer(Script.of(chat.text_stream("Hello")))
        async with session.post(f"{gateway.base_url}/responses", json={"model": "up/m", "input": PROMPT}) as answer:
            made = orjson.loads(await answer.read())
        address = f"{gateway.base_url}/responses{path.format(id=made['id'])}"
        async with session.request(method, address) as answer:
            assert answer.status == status
            error = orjson.loads(await answer.read())
            check_error(error)
            assert error["error"]["param"] == param
        async with session.get(f"{gateway.base_url}/responses/{made['id']}") as answer:
            assert orjson.loads(await answer.read()) == made
