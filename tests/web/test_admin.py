"""The admin listener beside a gateway with traffic, and what it must not be: public, or a way to what clients said."""

import asyncio

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.settings import AdminSettings
from gateway.store.records import Record, size_of
from gateway.web import admin
from gateway.web.services import SERVICES
from tests.fakes import chat
from tests.fakes.faulty_store import FaultyStore
from tests.fakes.local_gateway import KEY, OUTPUT, PROMPT, LocalGateway, local_gateway, provider
from tests.fakes.ports import free_port
from tests.fakes.upstream import Script, running_upstream

REQUEST = {"model": "up/model", "input": PROMPT, "stream": True}


async def get(port: int, path: str, status: int = 200) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        assert answer.status == status
        return await answer.text()


async def ask(gateway: LocalGateway, request: dict[str, object]) -> int:
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.post(f"{gateway.base_url}/responses", json=request) as answer,
    ):
        await answer.read()
        return answer.status


def samples(text: str) -> dict[str, float]:
    """The sums over all labels, by name."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return sums


async def test_metrics_tell_what_requests_did_and_nothing_of_what_they_said() -> None:
    port = free_port()
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url)) as gateway:
        upstream.answer(Script.of(chat.text_stream(OUTPUT, "more")))
        async with admin.listening(gateway.app, AdminSettings(port=port)):
            assert await ask(gateway, REQUEST) == 200
            assert await ask(gateway, {"model": "nobody/has-this", "input": PROMPT}) == 404
            await gateway.log.request_line(1)
            text = await get(port, "/metrics")
    told = samples(text)
    assert told["gateway_requests_total"] == 2
    assert told["gateway_first_token_seconds_count"] == 1
    assert told["gateway_upstream_attempts_total"] == 1
    assert told["gateway_tokens_total"] > 0
    assert (told["gateway_store_up"], told["gateway_store_responses"], told["gateway_store_conversations"]) == (1, 1, 0)
    assert told["gateway_store_bytes"] > len(OUTPUT)
    assert told["gateway_streams_open"] == 0
    for secret in (KEY, PROMPT, OUTPUT, "has-this"):
        assert secret not in text


async def test_what_is_stored_is_told_unless_the_store_is_down() -> None:
    port, faulty = free_port(), FaultyStore()
    conversation = Record("ada", "conv_1", b"{}", 1)
    async with local_gateway(store=faulty.store) as gateway, admin.listening(gateway.app, AdminSettings(port=port)):
        await faulty.inner.put(conversation)
        told = samples(await get(port, "/metrics"))
        names = ("gateway_store_up", "gateway_store_responses", "gateway_store_conversations", "gateway_store_bytes")
        assert tuple(told[name] for name in names) == (1, 0, 1, size_of(conversation, []))
        faulty.is_down = True
        down = samples(await get(port, "/metrics"))
        assert [down.get(name) for name in names] == [0, None, None, None]


async def test_an_open_stream_is_seen() -> None:
    port = free_port()
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url)) as gateway:
        upstream.answer(Script.of(chat.chunk({"content": "one"}), "hang"))
        async with admin.listening(gateway.app, AdminSettings(port=port)):
            task = asyncio.create_task(ask(gateway, REQUEST))
            await upstream.request()
            told = samples(await get(port, "/metrics"))
            task.cancel()
            await gateway.wait_for_requests(0)
    assert (told["gateway_streams_open"], told["gateway_requests_open"]) == (1, 1)
    assert told["gateway_upstream_requests"] == 1
    assert len(gateway.app[SERVICES].streams) == 0


async def test_a_refused_reload_is_seen() -> None:
    port = free_port()
    async with local_gateway() as gateway, admin.listening(gateway.app, AdminSettings(port=port)):
        assert samples(await get(port, "/metrics"))["gateway_reload_refused"] == 0
        gateway.app[SERVICES].current.is_refused = True
        assert samples(await get(port, "/metrics"))["gateway_reload_refused"] == 1


async def test_health_and_tasks() -> None:
    port = free_port()
    async with local_gateway() as gateway, admin.listening(gateway.app, AdminSettings(port=port)):
        await get(port, "/healthz")
        await get(port, "/readyz")
        assert "watch the event loop" in await get(port, "/debug/tasks")
        gateway.app[SERVICES].readiness.is_draining = True
        await get(port, "/readyz", status=503)


@pytest.mark.parametrize("path", ["/metrics", "/debug/tasks"])
async def test_the_public_listener_has_none_of_it(path: str) -> None:
    async with local_gateway() as gateway:
        await get(gateway.port, path, status=404)


async def test_without_a_port_nothing_listens() -> None:
    async with local_gateway() as gateway, admin.listening(gateway.app, AdminSettings()):
        assert gateway.log.entries("admin listening") == []


async def test_an_address_that_is_taken_is_named() -> None:
    async with local_gateway() as gateway:
        with pytest.raises(admin.AdminAddressError, match=f"admin.port: cannot listen on 127.0.0.1:{gateway.port}: "):
            async with admin.listening(gateway.app, AdminSettings(port=gateway.port)):
                pass
