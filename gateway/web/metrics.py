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
from gateway.web.app_keys import CURRENT, KEYS, LIMITER, LOAD, METRICS, READINESS, STATE, STREAMS


def metrics_for(app: Application) -> Metrics:
    """Metrics that read what the application has."""

    def is_model(model: str) -> bool:
        return app[CURRENT].router.is_configured(model)

    metrics = Metrics(is_model, FIELDS.__contains__)
    metrics.registry.register(Readings(_readings(app)))
    metrics.registry.register(UsageCollector(metrics.usage))
    metrics.registry.register(SharingCollector(lambda: app[LIMITER].sharing))
    metrics.registry.register(UpstreamCollector(lambda: app[CURRENT].router.gates))
    if (store := app[STATE].store) is not None:
        stored = StoreCollector(store)
        metrics.registry.register(stored)
        metrics.registry.register(DatabaseCollector(store.health if isinstance(store, SQLStore) else None))
        metrics.asked_first.append(stored.refresh)
    return metrics


def _readings(app: Application) -> list[Reading]:
    return [
        Reading("gateway_requests_open", "Requests under way.", lambda: app[READINESS].requests),
        Reading("gateway_streams_open", "Streams under way.", lambda: len(app[STREAMS])),
        Reading(
            "gateway_buffered_bytes",
            "What the process holds for clients that read more slowly than their streams come.",
            app[STREAMS].buffered_bytes,
        ),
        Reading("gateway_body_bytes", "The bodies of the requests under way.", lambda: app[LOAD].body_bytes),
        Reading(
            "gateway_background_responses_open",
            "Responses in the background under way.",
            lambda: len(app[STATE].runs or ()),
        ),
        Reading(
            "gateway_draining",
            "1 while the process lets what runs come to its end.",
            lambda: app[READINESS].is_draining,
        ),
        Reading(
            "gateway_log_lines_dropped", "Lines of the log that nobody took, and that were dropped.", logs.dropped_lines
        ),
        Reading(
            "gateway_reload_refused",
            "1 while configuration or keys file were read again and refused, so that older ones are in force.",
            lambda: app[CURRENT].is_refused or app[KEYS].is_refused,
        ),
        Reading("gateway_keys", "Keys that are valid.", lambda: len(app[KEYS].ring)),
    ]


async def watch(app: Application) -> AsyncIterator[None]:
    """Looks at the loop for as long as the application lives."""
    task = asyncio.create_task(watch_loop(app[METRICS].instruments.loop_lag.observe), name="watch the event loop")
    yield
    task.cancel()


async def show(request: Request) -> StreamResponse:
    """`GET /metrics`, in the form that the scraper asks for."""
    metrics = request.app[METRICS]
    for ask in metrics.asked_first:
        await ask()
    encode, content_type = choose_encoder(",".join(request.headers.getall(ACCEPT, [])))
    return Response(body=encode(metrics.registry), headers={CONTENT_TYPE: content_type})
