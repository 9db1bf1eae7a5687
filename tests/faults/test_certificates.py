"""An upstream whose certificate is bad: told by its class, never connected to twice, stepped around by an alias."""

import datetime as dt
from pathlib import Path

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes import certificates
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.ports import free_port
from tests.fakes.sites import site
from tests.official import check_error, check_response


async def asked(gateway: GatewayProcess, model: str) -> tuple[int, JSONObject]:
    body = {"model": model, "input": "Hello"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.base_url}/responses", json=body, headers=gateway.headers) as answer,
    ):
        return answer.status, orjson.loads(await answer.read())


@pytest.mark.case("U3")
async def test_a_bad_certificate_is_a_502_and_another_target_is_asked(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    expired = certificates.signed(tmp_path, ca, ends_in=dt.timedelta(days=-1)).server_context()
    handshakes: list[str | None] = []
    expired.sni_callback = lambda _, name, __: handshakes.append(name)
    good = certificates.signed(tmp_path, ca).server_context()
    async with site(context=expired) as (bad_url, bad), site(context=good) as (good_url, _):
        providers: list[JSONObject] = [
            {"name": "bad", "base_url": bad_url, "ca_file": str(ca.path)},
            {"name": "good", "base_url": good_url, "ca_file": str(ca.path)},
        ]
        aliases = {"models": [{"id": "either", "targets": ["bad/m", "good/m"]}]}
        async with running_gateway(tmp_path, providers, sections=aliases) as gateway:
            status, error = await asked(gateway, "bad/m")
            check_error(error)
            assert (status, error["error"]["code"]) == (502, "upstream_tls")
            assert error["error"]["message"] == "The upstream's certificate has expired."
            assert len(handshakes) == 1
            line = orjson.loads(await gateway.wait_for_line('"termination"'))
            assert (line["termination"], line["status"]) == ("upstream_connect", 502)
            status, response = await asked(gateway, "either")
            check_response(response)
            assert (status, response["status"]) == (200, "completed")
        assert not bad.received


async def test_proxies_of_the_environment_change_nothing(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    variables = {"HTTP_PROXY": nowhere, "http_proxy": nowhere, "ALL_PROXY": nowhere}
    async with site() as (url, _):
        provider = {"name": "up", "base_url": url}
        async with running_gateway(tmp_path, [provider], environment=variables) as gateway:
            assert (await asked(gateway, "up/m"))[0] == 200
