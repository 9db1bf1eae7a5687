"""The metrics of the application: what they read, and how they are shown to Prometheus."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp.hdrs import ACCEPT, CONTENT_TYPE
from aiohttp.web import Application, Request, Response, StreamResponse
from prometheus_client.exposition import choose_encoder

from gateway.spec.requests import FIELDS
from gateway.store.sql import SQLStore
from gateway.telemetry import logs
from gateway.telemetry.collectors import (
    DatabaseCollector,
    Reading,
    Readings,
    SharingCollector,
    StoreCollector,
    UpstreamCollector,
    UsageCollector,
)
from gateway.telemetry.loop_lag import watch_loop
from gateway.telemetry.metrics import Metrics
from gateway.web.current import Current
from gateway.web.services import SERVICES, Services


def metrics_for(current: Current) -> Metrics:
    """Metrics that know which names are those of the configuration and of the API."""

    def is_model(model: str) -> bool:
        return current.router.is_configured(model)

    return Metrics(is_model, FIELDS.__contains__)


def show_state_of(services: Services) -> None:
    """Has the metrics read what the application has whenever somebody looks."""
    metrics = services.metrics
    metrics.registry.register(Readings(_readings(services)))
    metrics.registry.register(UsageCollector(metrics.usage))
    metrics.registry.register(SharingCollector(lambda: services.limiter.sharing))
    metrics.registry.register(UpstreamCollector(lambda: services.current.router.gates))
    if (store := services.state.store) is not None:
        stored = StoreCollector(store)
        metrics.registry.register(stored)
        metrics.registry.register(DatabaseCollector(store.health if isinstance(store, SQLStore) else None))
        metrics.asked_first.append(stored.refresh)


def _readings(services: Services) -> list[Reading]:
    return [
        Reading("gateway_requests_open", "Requests under way.", lambda: services.readiness.requests),
        Reading("gateway_streams_open", "Streams under way.", lambda: len(services.streams)),
        Reading(
            "gateway_buffered_bytes",
            "What the process holds for clients that read more slowly than their streams come.",
            services.streams.buffered_bytes,
        ),
        Reading("gateway_body_bytes", "The bodies of the requests under way.", lambda: services.load.body_bytes),
        Reading(
            "gateway_background_responses_open",
            "Responses in the background under way.",
            lambda: len(services.state.runs or ()),
        ),
        Reading(
            "gateway_draining",
            "1 while the process lets what runs come to its end.",
            lambda: services.readiness.is_draining,
        ),
        Reading(
            "gateway_log_lines_dropped", "Lines of the log that nobody took, and that were dropped.", logs.dropped_lines
        ),
        Reading(
            "gateway_reload_refused",
            "1 while configuration or keys file were read again and refused, so that older ones are in force.",
            lambda: services.current.is_refused or services.keys.is_refused,
        ),
        Reading("gateway_keys", "Keys that are valid.", lambda: len(services.keys.ring)),
    ]


async def watch(app: Application) -> AsyncIterator[None]:
    """Looks at the loop for as long as the application lives."""
    task = asyncio.create_task(
        watch_loop(app[SERVICES].metrics.instruments.loop_lag.observe), name="watch the event loop"
    )
    yield
    task.cancel()


async def show(request: Request) -> StreamResponse:
    """`GET /metrics`, in the form that the scraper asks for."""
    metrics = request.app[SERVICES].metrics
    for ask in metrics.asked_first:
        await ask()
    encode, content_type = choose_encoder(",".join(request.headers.getall(ACCEPT, [])))
    return Response(body=encode(metrics.registry), headers={CONTENT_TYPE: content_type})
