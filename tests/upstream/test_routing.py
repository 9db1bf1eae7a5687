import asyncio
import time
import tracemalloc

import orjson
import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import AliasSettings, ProviderSettings
from gateway.upstream.routing import Router
from tests.fakes.log import captured_log
from tests.fakes.ports import free_port
from tests.fakes.raw import RawStep, raw_upstream
from tests.fakes.upstream import running_upstream

DEAD = f"http://127.0.0.1:{free_port()}/v1"


def provider(name: str, *models: str, base_url: str = DEAD, models_ttl_seconds: float = 60) -> ProviderSettings:
    return ProviderSettings(name=name, base_url=base_url, models=models, models_ttl_seconds=models_ttl_seconds)


def found(router: Router, model: str) -> list[tuple[str, str]]:
    return [(target.upstream.name, target.model) for target in router.targets(model)]


def not_found(router: Router, model: str) -> str:
    with pytest.raises(GatewayError) as caught:
        router.targets(model)
    assert (caught.value.kind, caught.value.param) == (ErrorKind.MODEL_NOT_FOUND, "model")
    return caught.value.message


async def test_a_provider_and_its_model() -> None:
    router = Router([provider("a"), provider("b", "qwen*", "exact")], [])
    assert found(router, "a/anything/at-all") == [("a", "anything/at-all")]
    assert found(router, "b/qwen3") == [("b", "qwen3")]
    assert found(router, "b/exact") == [("b", "exact")]
    for model in ("b/other", "c/x", "a/", "a", "", "/x"):
        not_found(router, model)


async def test_what_is_remembered_of_names_that_clients_think_up_has_a_bound() -> None:
    router = Router([provider("a")], [])
    once = [found(router, f"a/{number}") for number in range(1100)]
    assert [found(router, f"a/{number}") for number in range(1100)] == once
    tracemalloc.start()
    for number in range(1100, 1120):
        assert found(router, f"a/{number}") == [("a", str(number))]
        assert found(router, f"a/{number}" + "x" * 100_000) == [("a", f"{number}" + "x" * 100_000)]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000


async def test_a_bare_id_must_be_declared_by_exactly_one() -> None:
    router = Router([provider("a", "one", "both"), provider("b", "both"), provider("c")], [])
    assert found(router, "one") == [("a", "one")]
    not_found(router, "both")
    not_found(router, "undeclared")


async def test_an_alias_has_its_targets_in_order() -> None:
    aliases = [AliasSettings(id="coder", targets=("b/y", "a/x")), AliasSettings(id="lost", targets=("a/z",))]
    router = Router([provider("a", "x"), provider("b")], aliases)
    assert found(router, "coder") == [("b", "y"), ("a", "x")]
    not_found(router, "lost")


async def test_equals_share_the_sessions_and_keep_their_rank() -> None:
    aliases = [AliasSettings(id="coder", targets=(("a/x", "b/x"), "c/x"))]
    router = Router([provider(name) for name in "abc"], aliases)
    orders = set()
    for number in range(50):
        session = f"session {number}"
        order = [target.public_id for target in router.targets("coder", lambda session=session: session)]  # type: ignore[misc]
        assert order == [one.public_id for one in router.targets("coder", lambda session=session: session)]  # type: ignore[misc]
        assert order[2] == "c/x"
        orders.add(order[0])
    assert orders == {"a/x", "b/x"}


async def test_without_replicas_nobody_asks_for_the_session() -> None:
    def never() -> str:
        raise AssertionError

    router = Router([provider("a")], [AliasSettings(id="coder", targets=("a/x",))])
    assert router.targets("coder", never)[0].gate is router.targets("a/y", never)[0].gate


async def test_a_long_name_is_not_quoted_whole() -> None:
    assert len(not_found(Router([], []), "m" * 5000)) < 200


async def listed(router: Router) -> list[str]:
    return [model.id for model in await router.models()]


async def test_the_list_has_aliases_then_what_each_provider_declares_or_lists() -> None:
    async with running_upstream() as server:
        server.models = ["qwen3", "llama"]
        providers = [
            provider("declared", "x", "y"),
            provider("asked", base_url=server.base_url),
            provider("filtered", "qwen*", "also", base_url=server.base_url),
        ]
        async with Router(providers, [AliasSettings(id="coder", targets=("declared/x",))]) as router:
            assert await listed(router) == [
                "coder",
                "declared/x",
                "declared/y",
                "asked/qwen3",
                "asked/llama",
                "filtered/also",
                "filtered/qwen3",
            ]
            models = {model.id: model for model in await router.models()}
            assert (models["asked/llama"].owner, models["asked/llama"].created) == ("asked", 1)
            assert found(router, "llama") == [("asked", "llama")]
            not_found(router, "qwen3")


async def test_the_list_is_asked_for_again_when_it_is_old() -> None:
    async with running_upstream() as server:
        fresh = provider("fresh", base_url=server.base_url, models_ttl_seconds=0)
        async with Router([provider("kept", base_url=server.base_url), fresh], []) as router:
            assert await listed(router) == ["kept/model", "fresh/model"]
            server.models = ["new"]
            assert await listed(router) == ["kept/model", "fresh/new"]


async def test_a_provider_that_fails_later_keeps_its_last_list() -> None:
    async with running_upstream() as server:
        settings = provider("up", base_url=server.base_url, models_ttl_seconds=0)
        async with Router([settings], []) as router:
            assert await listed(router) == ["up/model"]
            server.models = []
            server.models_status = 500
            with captured_log() as log:
                assert await listed(router) == ["up/model"]
            (entry,) = log.entries("cannot list the models of a provider")
            assert (entry["provider"], entry["reason"]) == ("up", "500")


ODD: list[tuple[RawStep, ...]] = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n", b"[" * 10_000_000, "hang"),
    ("cut",),
]


@pytest.mark.parametrize("script", ODD)
async def test_an_odd_list_is_none(script: tuple[RawStep, ...]) -> None:
    async with raw_upstream(script) as server, Router([provider("up", base_url=server.base_url)], []) as router:
        with captured_log() as log:
            assert await listed(router) == []
        assert len(log.entries("cannot list the models of a provider")) == 1


LISTS = [
    ([{"id": "a"}, {"id": 7}, "x", {"id": "b", "created": "soon"}], ["up/a", "up/b"]),
    ({"data": [{"id": "a", "created": 5}]}, ["up/a"]),
    ({"data": None}, []),
    ("text", []),
]


@pytest.mark.parametrize(("value", "ids"), LISTS)
async def test_lists_of_several_forms_are_read(value: object, ids: list[str]) -> None:
    body = orjson.dumps(value)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw_upstream((head + body,)) as server, Router([provider("up", base_url=server.base_url)], []) as router:
        assert await listed(router) == ids


async def test_callers_who_wait_for_the_same_dead_provider_wait_once() -> None:
    async with raw_upstream((0.4, "cut")) as server:
        settings = provider("up", base_url=server.base_url, models_ttl_seconds=0)
        async with Router([settings], []) as router:
            started = time.monotonic()
            with captured_log():
                assert await asyncio.gather(*(listed(router) for _ in range(8))) == [[]] * 8
            assert time.monotonic() - started < 2.4
