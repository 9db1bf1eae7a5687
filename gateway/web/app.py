"""The application: its routes, its middlewares and what lives as long as it does."""

from collections.abc import AsyncIterator

from aiohttp.web import Application, UrlDispatcher

from gateway.access.keys import KeyStore
from gateway.access.sealing import Sealer
from gateway.exchange.running import RunningExchanges
from gateway.settings import Settings
from gateway.telemetry.usage import UsageTotals
from gateway.upstream.routing import Router
from gateway.web import chat_completions, compaction, health, input_tokens, models, responses
from gateway.web.app_keys import KEYS, READINESS, ROUTER, RUNNING, SEALER, SETTINGS, USAGE, Readiness
from gateway.web.body import defer_continue
from gateway.web.middlewares import authenticate, explain_errors, identify, set_headers


def create_app(settings: Settings, keys: KeyStore, sealer: Sealer) -> Application:
    """The gateway as an aiohttp application.

    Run it with `handler_cancellation` on and `auto_decompress` off, as `gateway.server` does: otherwise a client that
    leaves is not noticed, and compressed bodies are unpacked without bounds.
    """
    app = Application(middlewares=[identify, explain_errors, authenticate])
    app[SETTINGS] = settings
    app[KEYS] = keys
    app[SEALER] = sealer
    app[ROUTER] = Router(settings.providers, settings.models)
    app[RUNNING] = RunningExchanges()
    app[READINESS] = Readiness()
    app[USAGE] = UsageTotals()
    app.on_response_prepare.append(set_headers)
    app.cleanup_ctx.append(_router)
    _add_routes(app.router)
    return app


async def _router(app: Application) -> AsyncIterator[None]:
    async with app[ROUTER]:
        yield


def _add_routes(router: UrlDispatcher) -> None:
    one = "/v1/responses/{response_id}"
    for method, path, resource in (
        ("GET", "/healthz", health.healthz),
        ("HEAD", "/healthz", health.healthz),
        ("GET", "/readyz", health.readyz),
        ("HEAD", "/readyz", health.readyz),
        ("POST", "/v1/responses", responses.create),
        ("GET", "/v1/responses", responses.refuse_web_socket),
        ("POST", "/v1/responses/compact", compaction.compact),
        ("POST", "/v1/responses/input_tokens", input_tokens.count),
        ("GET", one, responses.refuse_unknown),
        ("DELETE", one, responses.refuse_unknown),
        ("POST", f"{one}/cancel", responses.refuse_unknown),
        ("GET", f"{one}/input_items", responses.refuse_unknown),
        ("POST", "/v1/chat/completions", chat_completions.create),
        ("GET", "/v1/models", models.list_models),
        ("GET", "/v1/models/{model:.+}", models.retrieve_model),
    ):
        router.add_route(method, path, resource, expect_handler=defer_continue)
