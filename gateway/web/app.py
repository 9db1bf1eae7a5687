"""The application: its routes, its middlewares and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp.web import Application, UrlDispatcher

from gateway.access.keys import KeyStore
from gateway.access.limiter import Limiter
from gateway.access.opening import open_counts
from gateway.access.sealing import Sealer
from gateway.exchange.background import BackgroundRuns
from gateway.exchange.running import RunningExchanges
from gateway.settings import Settings
from gateway.store.protocol import Store
from gateway.store.purging import keep_small
from gateway.web import (
    chat_completions,
    compaction,
    conversations,
    health,
    input_tokens,
    metrics,
    models,
    responses,
    stored_responses,
)
from gateway.web.answer_head import set_headers
from gateway.web.body import defer_continue
from gateway.web.current import Current
from gateway.web.load import Load
from gateway.web.middlewares import answer, identify
from gateway.web.open_streams import OpenStreams
from gateway.web.services import SERVICES, Readiness, Services, State


def create_app(settings: Settings, keys: KeyStore, sealer: Sealer, store: Store | None) -> Application:
    """The gateway as an aiohttp application.

    Run it with `handler_cancellation` on and `auto_decompress` off, as `gateway.server` does: otherwise a client that
    leaves is not noticed, and compressed bodies are unpacked without bounds. The store is closed with it; without one
    nothing is stored.
    """
    app = Application(middlewares=[identify, answer])
    app[SERVICES] = _services(settings, keys, sealer, store)
    app.on_response_prepare.append(set_headers)
    app.cleanup_ctx.extend((_current, _limits, _stored, metrics.watch))
    _add_routes(app.router)
    return app


def _services(settings: Settings, keys: KeyStore, sealer: Sealer, store: Store | None) -> Services:
    current, streams, readiness = Current(settings), OpenStreams(), Readiness()
    counted = metrics.metrics_for(current)
    services = Services(
        current=current,
        keys=keys,
        sealer=sealer,
        limiter=Limiter(counted.count_refusal, *open_counts(settings.limits)),
        load=Load(streams, counted.count_refusal),
        streams=streams,
        running=RunningExchanges(),
        readiness=readiness,
        metrics=counted,
        state=State(store, BackgroundRuns(store, settings.state, readiness) if store is not None else None),
    )
    metrics.show_state_of(services)
    return services


async def _current(app: Application) -> AsyncIterator[None]:
    current = app[SERVICES].current
    await current.open()
    yield
    await current.close()


async def _limits(app: Application) -> AsyncIterator[None]:
    async with app[SERVICES].limiter.opened():
        yield


async def _stored(app: Application) -> AsyncIterator[None]:
    """What is done about the store for as long as the application lives."""
    services = app[SERVICES]
    store, runs = services.state.store, services.state.runs
    if store is None or runs is None:
        yield
        return
    tasks = [
        asyncio.create_task(runs.watch(), name="watch background responses"),
        asyncio.create_task(keep_small(store, services.current.settings.state.purge_seconds), name="purge the store"),
    ]
    yield
    for task in tasks:
        task.cancel()
    await runs.close()
    await store.close()


def _add_routes(router: UrlDispatcher) -> None:
    response = "/v1/responses/{response_id}"
    conversation = "/v1/conversations/{conversation_id}"
    item = f"{conversation}/items/{{item_id}}"
    for method, path, resource in (
        ("GET", "/healthz", health.healthz),
        ("HEAD", "/healthz", health.healthz),
        ("GET", "/readyz", health.readyz),
        ("HEAD", "/readyz", health.readyz),
        ("POST", "/v1/responses", responses.create),
        ("GET", "/v1/responses", responses.refuse_web_socket),
        ("POST", "/v1/responses/compact", compaction.compact),
        ("POST", "/v1/responses/input_tokens", input_tokens.count),
        ("GET", response, stored_responses.retrieve),
        ("DELETE", response, stored_responses.delete),
        ("POST", f"{response}/cancel", stored_responses.cancel),
        ("GET", f"{response}/input_items", stored_responses.list_input_items),
        ("POST", "/v1/conversations", conversations.create),
        ("GET", conversation, conversations.retrieve),
        ("POST", conversation, conversations.update),
        ("DELETE", conversation, conversations.delete),
        ("GET", f"{conversation}/items", conversations.list_items),
        ("POST", f"{conversation}/items", conversations.add_items),
        ("GET", item, conversations.retrieve_item),
        ("DELETE", item, conversations.delete_item),
        ("POST", "/v1/chat/completions", chat_completions.create),
        ("GET", "/v1/models", models.list_models),
        ("GET", "/v1/models/{model:.+}", models.retrieve_model),
    ):
        router.add_route(method, path, resource, expect_handler=defer_continue)
