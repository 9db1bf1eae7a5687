import aiohttp
import orjson

from gateway.codec.json import JSONObject
from gateway.settings import AliasSettings
from tests.fakes.local_gateway import LocalGateway, local_gateway, provider
from tests.fakes.upstream import running_upstream
from tests.official import check_error


async def got(gateway: LocalGateway, path: str) -> tuple[int, JSONObject]:
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.get(f"{gateway.base_url}{path}") as answer,
    ):
        return answer.status, orjson.loads(await answer.read())


async def test_the_list_is_in_the_form_of_the_sdks_and_has_a_place_for_codex() -> None:
    alias = AliasSettings(id="coder", targets=("up/model",))
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url), aliases=(alias,)) as gateway:
        status, body = await got(gateway, "/models")
        assert (status, body["object"]) == (200, "list")
        assert {"id": "coder", "object": "model", "created": 0, "owned_by": "gateway"} in body["data"]
        assert {"id": "up/model", "object": "model", "created": 1, "owned_by": "up"} in body["data"]
        assert isinstance(body["models"], list)


async def test_one_model_is_found_with_its_slash_encoded_or_not() -> None:
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url)) as gateway:
        for path in ("/models/up/model", "/models/up%2Fmodel"):
            status, body = await got(gateway, path)
            assert (status, body["id"]) == (200, "up/model")


async def test_an_unknown_model_is_not_found_and_a_long_name_cut() -> None:
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url)) as gateway:
        for name in ("up/none", "x" * 3000):
            status, body = await got(gateway, f"/models/{name}")
            check_error(body)
            assert (status, body["error"]["code"]) == (404, "model_not_found")
            assert len(body["error"]["message"]) < 200
