import asyncio

import aiohttp

from gateway.settings import AliasSettings, ProviderSettings, Settings
from gateway.web.current import Current
from gateway.web.services import SERVICES
from tests.fakes import chat
from tests.fakes.local_gateway import LocalGateway, local_gateway, provider
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.faults.scene import REQUEST, stream_of

KEPT = ProviderSettings(name="kept", base_url="http://kept.example/v1")
OLD = ProviderSettings(name="up", base_url="http://old.example/v1")
NEW = ProviderSettings(name="up", base_url="http://new.example/v1")


async def until_closed(pool: aiohttp.BaseConnector) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            if pool.closed:
                return
            await asyncio.sleep(0.005)


def pool_of(current: Current, name: str) -> aiohttp.BaseConnector:
    pool = current.router.providers[name].upstream._pool
    assert pool is not None
    return pool


async def test_what_is_held_stays_open_and_is_closed_with_its_last_holder() -> None:
    current = Current(Settings(providers=(KEPT, OLD)))
    await current.open()
    pool, kept = pool_of(current, "up"), current.router.providers["kept"]
    with current.now as before, current.now as also_before:
        await current.replace(Settings(providers=(KEPT, NEW)))
        assert before is also_before
        assert before.settings.providers == (KEPT, OLD)
        with current.now as after:
            assert after.settings.providers == (KEPT, NEW)
        await asyncio.sleep(0)
        assert not pool.closed
    await until_closed(pool)
    assert current.router.providers["kept"] is kept  # with its breaker, its queue and its connections
    assert not pool_of(current, "kept").closed
    await current.close()
    assert pool_of(current, "kept").closed


async def test_a_provider_is_open_as_long_as_an_old_holder_needs_it() -> None:
    """Also when the configuration between the two, which nobody holds, is closed first."""
    current = Current(Settings(providers=(KEPT,)))
    await current.open()
    pool = pool_of(current, "kept")
    with current.now:
        await current.replace(Settings(providers=(KEPT, NEW)))
        unused = pool_of(current, "up")
        await current.replace(Settings(providers=(OLD,)))
        await until_closed(unused)
        assert not pool.closed
    await until_closed(pool)
    await current.close()


async def test_the_end_of_the_process_waits_for_nobody() -> None:
    current = Current(Settings(providers=(OLD,)))
    await current.open()
    pool = pool_of(current, "up")
    with current.now:
        await current.replace(Settings(providers=(NEW,)))
        await current.close()
        assert pool.closed


async def reload(gateway: LocalGateway, *providers: ProviderSettings, aliases: tuple[AliasSettings, ...] = ()) -> None:
    current = gateway.app[SERVICES].current
    await current.replace(Settings(server=current.settings.server, providers=providers, models=aliases))


async def test_a_stream_ends_where_it_began_and_the_next_one_goes_elsewhere() -> None:
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script.of(chat.chunk({"content": "a"}), 0.5, chat.text_stream("old")))
        second.answer(Script.of(chat.text_stream("new")))
        async with local_gateway(provider(first.base_url)) as gateway:
            stream = asyncio.create_task(stream_of(gateway))
            await first.request()
            await reload(gateway, provider(second.base_url))
            assert "new" in str((await stream_of(gateway)).response["output"])
            assert "old" in str((await stream).response["output"])
            assert (len(first.received), len(second.received)) == (1, 1)


async def test_an_alias_of_a_reload_is_known_at_once() -> None:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("hello")))
        async with local_gateway(provider(upstream.base_url)) as gateway:
            aliases = (AliasSettings(id="coder", targets=("up/model",)),)
            await reload(gateway, provider(upstream.base_url), aliases=aliases)
            stream = await stream_of(gateway, REQUEST | {"model": "coder"})
            assert stream.response["status"] == "completed"


async def test_a_response_in_the_background_keeps_its_connection() -> None:
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script.of(chat.chunk({"content": "a"}), 0.5, chat.text_stream("old")))
        async with local_gateway(provider(first.base_url)) as gateway:
            pool = pool_of(gateway.app[SERVICES].current, "up")
            async with (
                aiohttp.ClientSession(headers=gateway.headers) as client,
                client.post(
                    f"{gateway.base_url}/responses", json=REQUEST | {"stream": False, "background": True}
                ) as answer,
            ):
                assert answer.status == 200
            await first.request()
            await reload(gateway, provider(second.base_url))
            runs = gateway.app[SERVICES].state.runs
            assert runs is not None
            assert len(runs) == 1
            assert not pool.closed
            await until_closed(pool)
            assert len(runs) == 0
            assert not first.last.left.is_set()
            assert (await gateway.log.request_line())["status"] == 200
            assert gateway.log.entries("background response")[0]["termination"] == "completed"
