"""What every request passes, outermost first: its id and log line, errors in the API's form, the key.

The order matters: an error of the key check is still answered in the API's form, and every answer is logged.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp.web import (
    HTTPException,
    HTTPMethodNotAllowed,
    Request,
    RequestPayloadError,
    StreamResponse,
    middleware,
)

from gateway.access.keys import Key
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome
from gateway.exchange.stored_context import unavailable
from gateway.store.protocol import StoreError
from gateway.telemetry.logs import log_request, request_id
from gateway.telemetry.usage import Account
from gateway.web.answers import error_answer
from gateway.web.app_keys import CALLER, HAS_BEGUN, KEYS, MODEL, OUTCOME, READINESS, REQUEST_ID, USAGE

Handler = Callable[[Request], Awaitable[StreamResponse]]

_log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_QUIET_PATHS = ("/healthz", "/readyz")
_CLIENT_GONE = 499
"""nginx's status for a client that left: only for the log, nobody receives it."""
_LOGGED_CHARACTERS = 200


@middleware
async def identify(request: Request, handler: Handler) -> StreamResponse:
    """Gives the request its id and, when it is over, its line in the log."""
    offered = request.headers.get("x-request-id", "")
    current = offered if _REQUEST_ID.fullmatch(offered) else f"req_{secrets.token_hex(16)}"
    request[REQUEST_ID] = current
    request_id.set(current)
    started = time.monotonic()
    response: StreamResponse | None = None
    try:
        with request.app[READINESS].entered():
            response = await handler(request)
    finally:
        if request.path not in _QUIET_PATHS:
            count_usage(request, request.get(OUTCOME))
            _log_line(request, response, time.monotonic() - started)
    return response


def _status(request: Request, response: StreamResponse | None) -> int:
    """What the client has seen; without a response it has left."""
    if response is not None:
        return response.status
    return 200 if HAS_BEGUN in request else _CLIENT_GONE


def _termination(request: Request, response: StreamResponse | None) -> str:
    outcome: Outcome | None = request.get(OUTCOME)
    if outcome is not None and outcome.termination is not None:
        return outcome.termination
    if response is None:
        return "client_gone"
    return "completed" if response.status < 400 else "client_error"


def _log_line(request: Request, response: StreamResponse | None, seconds: float) -> None:
    path, status = request.path[:_LOGGED_CHARACTERS], _status(request, response)
    fields: dict[str, object] = {"method": request.method, "path": path, "status": status}
    fields |= exchange_fields(request, request.get(OUTCOME))
    log_request({**fields, "termination": _termination(request, response), "seconds": round(seconds, 6)})


def exchange_fields(request: Request, outcome: Outcome | None) -> dict[str, object]:
    """Who asked for which model, and what came of it."""
    fields: dict[str, object] = {}
    if (caller := request.get(CALLER)) is not None:
        fields |= {"key_id": caller.id, "key": caller.name}
    if (model := request.get(MODEL)) is not None:
        fields["model"] = model[:_LOGGED_CHARACTERS]
    return fields | (_upstream_fields(outcome) if outcome is not None else {})


def _upstream_fields(outcome: Outcome) -> dict[str, object]:
    """Who was asked, and what that cost."""
    model = outcome.upstream_model[:_LOGGED_CHARACTERS]
    fields: dict[str, object] = {"provider": outcome.provider, "upstream_model": model}
    if outcome.attempts:
        fields["attempts"] = outcome.attempts
    if outcome.upstream_code is not None:
        fields["upstream_code"] = outcome.upstream_code[:_LOGGED_CHARACTERS]
    if (used := outcome.consumption) is not None:
        fields |= {"input_tokens": used.input_tokens, "output_tokens": used.output_tokens}
        fields |= {"cached_tokens": used.cached_tokens, "reasoning_tokens": used.reasoning_tokens}
        fields["usage_estimated"] = used.is_estimated
        if used.cost is not None:
            fields["cost"] = round(used.cost, 9)
    return fields


def count_usage(request: Request, outcome: Outcome | None) -> None:
    """Adds what an exchange for the request used to the sums of the process."""
    if outcome is None or outcome.consumption is None:
        return
    caller: Key | None = request.get(CALLER)
    key, model = caller.name if caller is not None else "", request.get(MODEL, "")[:_LOGGED_CHARACTERS]
    request.app[USAGE].add(Account(key, model, outcome.provider), outcome.consumption)


@middleware
async def explain_errors(request: Request, handler: Handler) -> StreamResponse:
    """Answers every error in the API's form; a bug of ours shows nothing of itself to the client."""
    try:
        return await handler(request)
    except ConnectionError:  # the client is gone or stalled: nobody is left to answer
        raise asyncio.CancelledError from None
    except Exception as failure:  # noqa: BLE001 - what is not known is logged
        error = _explained(failure)
    if (outcome := request.get(OUTCOME)) is not None:
        outcome.fail(error)
    if HAS_BEGUN in request:
        break_off(request)
        raise asyncio.CancelledError
    return _refusal(request, error)


def _explained(failure: Exception) -> GatewayError:
    match failure:
        case GatewayError():
            return failure
        case HTTPException():
            return _from_http(failure)
        case StoreError():
            return unavailable()
        case RequestPayloadError():
            return GatewayError(ErrorKind.BAD_REQUEST, "The framing of the request body is not valid HTTP.")
        case _:
            _log.error("a request failed on a fault of the gateway", exc_info=failure)
            return GatewayError(ErrorKind.INTERNAL, "The gateway failed on this request.")


def break_off(request: Request) -> None:
    """Ends an answer that is cut: it must not look finished, so its body stays without an end."""
    if request.transport is not None:
        request.transport.abort()


def _refusal(request: Request, error: GatewayError) -> StreamResponse:
    response = error_answer(error)
    if not request.content.at_eof():  # an unread body would be taken for the next request
        response.force_close()
    return response


def _from_http(error: HTTPException) -> GatewayError:
    """What aiohttp itself refuses: routes, methods and expectations."""
    if isinstance(error, HTTPMethodNotAllowed):
        message = "This method is not allowed here."
        return GatewayError(ErrorKind.METHOD_NOT_ALLOWED, message, headers={"Allow": error.headers["Allow"]})
    if error.status == 404:
        return GatewayError(ErrorKind.NOT_FOUND, "There is nothing at this path.")
    return GatewayError(ErrorKind.BAD_REQUEST, "The request cannot be understood.")


@middleware
async def authenticate(request: Request, handler: Handler) -> StreamResponse:
    """Lets requests under `/v1` pass with a known key only; every refusal is the same."""
    if request.path.startswith("/v1/"):
        keys = request.app[KEYS]
        caller = keys.ring.authenticate(request.headers.get("Authorization"))
        if caller is None and not keys.is_open:
            raise GatewayError(
                ErrorKind.INVALID_API_KEY,
                "The API key is missing or not valid. Send it as 'Authorization: Bearer <key>'.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if caller is not None:
            request[CALLER] = caller
    return await handler(request)


async def set_headers(request: Request, response: StreamResponse) -> None:
    """The headers of every answer, streamed or not: a signal, because streams are prepared inside their handler."""
    request[HAS_BEGUN] = True
    if request.app[READINESS].is_draining:  # the next request of this client shall go to another process
        response.headers["Connection"] = "close"
        response.force_close()
    if REQUEST_ID in request:  # aiohttp refuses some expectations before the middlewares
        response.headers["x-request-id"] = request[REQUEST_ID]
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)
