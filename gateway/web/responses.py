"""`/v1/responses`: create a response, streamed or not."""

import secrets
from functools import partial

from aiohttp.web import Request, StreamResponse

from gateway.access.keys import Key
from gateway.codec.json import JSONObject, parse_body
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.exchange import Exchange
from gateway.settings import Settings
from gateway.translate.request import read_request
from gateway.web.answers import send_json
from gateway.web.app_keys import CALLER, MODEL, OUTCOME, REQUEST_ID, RUNNING, SEALER, SETTINGS
from gateway.web.body import read_body
from gateway.web.default_model import with_model
from gateway.web.event_stream import EventStream
from gateway.web.permissions import targets_for
from gateway.web.session import Session

MODE_HEADER = "x-gateway-mode"
_ID_BYTES = 24


def mint_id(prefix: str) -> str:
    """An id with 192 random bits, so that nobody can guess another's."""
    return f"{prefix}_{secrets.token_hex(_ID_BYTES)}"


async def create(request: Request) -> StreamResponse:
    """`POST /v1/responses`."""
    settings = request.app[SETTINGS]
    body = await read_json(request, settings)
    exchange = exchange_for(request, body, settings)
    request[OUTCOME] = exchange.outcome
    if not exchange.is_stream:
        answer = await exchange.collect()
        return await send_json(request, answer, dict(exchange.headers), stall=settings.server.write_stall_seconds)
    stream = EventStream(request, settings.server, exchange.keep_alive)
    try:
        await exchange.stream(stream, commit_after=settings.server.commit_after_seconds)
    finally:
        stream.end_heartbeat()
    return stream


async def read_json(request: Request, settings: Settings) -> JSONObject:
    """The body of a request as a JSON object, within the limits."""
    server = settings.server
    data = await read_body(request, server)
    return parse_body(data, max_depth=server.max_json_depth, max_containers=server.max_json_containers)


def exchange_for(request: Request, body: JSONObject, settings: Settings) -> Exchange:
    """The exchange for the body of a create request."""
    create_request = read_request(with_model(request, body))
    request[MODEL] = create_request.model
    return Exchange(
        create_request,
        targets_for(request, create_request.model, Session(request, body)),
        is_strict=is_strict(request, settings),
        request_id=request[REQUEST_ID],
        mint_id=mint_id,
        running=request.app[RUNNING],
        routing=settings.routing,
        seal=partial(request.app[SEALER].seal, owner_of(request)),
        unseal=partial(request.app[SEALER].open, owner_of(request)),
    )


def owner_of(request: Request) -> str:
    """Whom that what is kept or sealed for this request belongs to; on an open gateway it is everybody's."""
    caller: Key | None = request.get(CALLER)
    return caller.owner if caller is not None else ""


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


async def refuse_unknown(request: Request) -> StreamResponse:
    """Retrieve, delete, cancel and input_items: nothing is stored, so no id exists."""
    name = request.match_info["response_id"]
    shown = name if len(name) <= 100 else name[:100] + "..."
    raise GatewayError(ErrorKind.NOT_FOUND, f"Response with id '{shown}' not found.")
