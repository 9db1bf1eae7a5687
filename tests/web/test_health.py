import aiohttp

from gateway.web.services import SERVICES
from tests.fakes.local_gateway import local_gateway


async def test_both_need_no_key_and_are_not_logged() -> None:
    async with local_gateway() as gateway, aiohttp.ClientSession() as session:
        origin = gateway.base_url.removesuffix("/v1")
        for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
            async with session.get(origin + path) as answer:
                assert (answer.status, await answer.json()) == (200, {"status": status})
            async with session.head(origin + path) as answer:
                assert answer.status == 200
        assert gateway.log.entries() == []


async def test_a_draining_process_lives_but_is_not_ready() -> None:
    async with local_gateway() as gateway, aiohttp.ClientSession() as session:
        gateway.app[SERVICES].readiness.is_draining = True
        origin = gateway.base_url.removesuffix("/v1")
        for path, status in (("/healthz", 200), ("/readyz", 503)):
            async with session.get(origin + path) as answer:
                assert answer.status == status
                assert answer.headers["Connection"] == "close"
