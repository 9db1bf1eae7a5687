"""`/v1/responses`: create a response, streamed or not, now or in the background."""

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.exchange import Exchange
from gateway.exchange.keeping import Keeping
from gateway.settings import Settings
from gateway.spec.requests import CreateRequest
from gateway.translate.echo import is_stored
from gateway.translate.request import read_request
from gateway.web.admission import Entry
from gateway.web.answers import send_json
from gateway.web.background import create_in_background
from gateway.web.caller import context_of, sealing_for
from gateway.web.default_model import with_model
from gateway.web.event_stream import EventStream
from gateway.web.identifiers import mint_id
from gateway.web.json_body import read_json
from gateway.web.permissions import targets_for
from gateway.web.reports import tell_contents
from gateway.web.session import Session
from gateway.web.visit import VISIT, Visit

MODE_HEADER = "x-gateway-mode"


async def create(request: Request) -> StreamResponse:
    """`POST /v1/responses`."""
    visit = request[VISIT]
    async with Entry(visit) as entry:
        exchange, keeping = await _begun(request, visit)  # what was asked is the exchange's alone, to let go of it
        await entry.take_tokens(exchange.estimated_tokens)
        runs = visit.services.state.runs
        if keeping is not None and keeping.is_background and runs is not None:
            return await create_in_background(request, exchange, keeping, runs, entry)
        visit.outcome = exchange.outcome
        try:
            return await _answer(request, visit, exchange)
        finally:
            tell_contents(visit, exchange)


async def _begun(request: Request, visit: Visit) -> tuple[Exchange, Keeping | None]:
    body, settings = await read_json(request), visit.configured.settings
    if settings.logging.bodies:
        visit.asked = body
    asked = await asked_for(visit, body)
    keeping = _keeping(visit, asked)
    return exchange_for(request, asked, settings, keeping), keeping


async def _answer(request: Request, visit: Visit, exchange: Exchange) -> StreamResponse:
    server = visit.configured.settings.server
    if not exchange.is_stream:
        answer = await exchange.collect()
        return await send_json(request, answer, exchange.headers, stall=server.write_stall_seconds)
    stream, streams = EventStream(request, server, exchange.keep_alive), visit.services.streams
    streams.add(request)
    try:
        await exchange.stream(stream, commit_after=server.commit_after_seconds)
    finally:
        streams.remove(request)
        stream.end_heartbeat()
    return stream


async def asked_for(visit: Visit, body: JSONObject) -> CreateRequest:
    """The body of a create request, with what it refers to of what is stored."""
    asked = read_request(with_model(visit, body))
    visit.model = asked.model
    return await context_of(visit).completed(asked)


def exchange_for(
    request: Request, asked: CreateRequest, settings: Settings, keeping: Keeping | None = None
) -> Exchange:
    """The exchange for a create request; without `keeping` nothing is stored."""
    visit = request[VISIT]
    sealing = sealing_for(visit)
    return Exchange(
        asked,
        targets_for(visit, asked.model, Session(request, _affinity(asked))),
        is_strict=is_strict(request, settings),
        request_id=visit.id,
        mint_id=mint_id,
        running=visit.services.running,
        routing=settings.routing,
        seal=sealing.seal,
        unseal=sealing.unseal,
        keeping=keeping,
    )


def _affinity(asked: CreateRequest) -> JSONObject:
    """What a session is known by: a conversation goes where it has been, also when the gateway completes it."""
    own = asked.input if isinstance(asked.input, list) else []
    return {
        "prompt_cache_key": asked.prompt_cache_key,
        "input": [*asked.history, *own] if asked.history else asked.input,
    }


def _keeping(visit: Visit, asked: CreateRequest) -> Keeping | None:
    store = visit.services.state.store
    return Keeping(store, visit.owner, asked, mint_id) if store is not None and is_stored(asked) else None


def is_strict(request: Request, settings: Settings) -> bool:
    """Whether losses are refused: as the request's header says, or else the configuration."""
    mode = request.headers.get(MODE_HEADER, settings.translation.mode).lower()
    if mode not in ("lenient", "strict"):
        message = f"The header {MODE_HEADER} must be 'lenient' or 'strict'."
        raise GatewayError(ErrorKind.INVALID_VALUE, message, param=MODE_HEADER)
    return mode == "strict"


async def refuse_web_socket(request: Request) -> StreamResponse:
    """`GET /v1/responses`: 426 to an upgrade, which Codex takes as "use HTTP"; other statuses cost it seven tries."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        message = "WebSocket mode is not supported; use POST with server-sent events."
        raise GatewayError(
            ErrorKind.UPGRADE_REQUIRED, message, headers={"Upgrade": "HTTP/1.1", "Connection": "Upgrade"}
        )
    raise GatewayError(ErrorKind.METHOD_NOT_ALLOWED, "Use POST here.", headers={"Allow": "POST"})
