"""Requests that name no model, through the real process."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest

from gateway.access.issuing import add_key
from gateway.codec.json import JSONObject
from tests.fakes.chat import completion, text_stream
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.upstream import Script, Upstream, running_upstream


@pytest.fixture
async def scripted() -> AsyncIterator[Upstream]:
    async with running_upstream() as upstream:
        upstream.answer(Script.json(completion("ok")))
        yield upstream


async def answer(gateway: GatewayProcess, path: str, body: JSONObject, key: str) -> tuple[int, JSONObject]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{gateway.base_url}/{path}", json=body) as response,
    ):
        return response.status, orjson.loads(await response.read())


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize("given", [{}, {"model": ""}, {"model": None}])
async def test_the_keys_default_goes_before_the_gateways(
    scripted: Upstream, tmp_path: Path, path: str, given: JSONObject
) -> None:
    own = add_key(tmp_path / "keys.toml", "own", default_model="up/of-the-key")
    plain = add_key(tmp_path / "keys.toml", "plain")
    providers = [{"name": "up", "base_url": scripted.base_url}]
    sections = {"server": {"default_model": "up/of-the-gateway"}}
    body = {"input": "hi", "messages": [{"role": "user", "content": "hi"}]} | given
    async with running_gateway(tmp_path, providers, sections=sections) as gateway:
        assert (await answer(gateway, path, body, own))[0] == 200
        assert (await answer(gateway, path, body, plain))[0] == 200
        assert (await answer(gateway, path, body | {"model": "up/named"}, own))[0] == 200
        line = await gateway.wait_for_line('"model":"up/of-the-key"')
        assert '"key":"own"' in line
    assert [one.json["model"] for one in scripted.received] == ["of-the-key", "of-the-gateway", "named"]


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
async def test_without_any_default_a_model_is_required(gateway: GatewayProcess, path: str) -> None:
    status, body = await answer(gateway, path, {"input": "hi"}, gateway.key)
    assert status == 400
    assert (body["error"]["code"], body["error"]["param"]) == ("missing_required_parameter", "model")


async def test_the_response_names_the_model_that_answered_for_none(scripted: Upstream, tmp_path: Path) -> None:
    scripted.answer(Script.of(text_stream("ok")))
    providers = [{"name": "up", "base_url": scripted.base_url}]
    async with running_gateway(tmp_path, providers, sections={"server": {"default_model": "up/m"}}) as gateway:
        status, body = await answer(gateway, "responses", {"input": "hi"}, gateway.key)
    assert (status, body["model"]) == (200, "up/m")
