"""What every request passes, outermost first: its id and log line, then the key and errors in the API's form.

The order matters: every answer is logged, that to a wrong key as well.
"""

import asyncio
import logging
import re
import time

from aiohttp.typedefs import Handler
from aiohttp.web import (
    HTTPException,
    HTTPMethodNotAllowed,
    Request,
    RequestPayloadError,
    StreamResponse,
    middleware,
)

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome
from gateway.store.protocol import StoreError
from gateway.telemetry.logs import request_id
from gateway.web.answers import error_answer
from gateway.web.identifiers import mint_id
from gateway.web.local_only import is_from_this_machine
from gateway.web.reports import tell
from gateway.web.services import SERVICES
from gateway.web.visit import VISIT, Visit

_log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_QUIET_PATHS = ("/healthz", "/readyz")
_STORE_RETRY_SECONDS = 5.0
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_WRONG_KEY = "The API key is missing or not valid. Send it as 'Authorization: Bearer <key>'."
_WITHOUT_KEYS = (
    "A gateway without keys answers only requests for 127.0.0.1 or localhost that come from no web page of another "
    "place. Make a key with 'responses-gateway keys add NAME'."
)


@middleware
async def identify(request: Request, handler: Handler) -> StreamResponse:
    """Gives the request its id and, when it is over, its line in the log."""
    services = request.app[SERVICES]
    offered = request.headers.get("x-request-id")
    current = offered if offered and _REQUEST_ID.fullmatch(offered) else mint_id("req")
    visit = request[VISIT] = Visit(services, current, time.monotonic(), services.current.now)
    request_id.set(current)
    is_quiet = request.path in _QUIET_PATHS
    if services.traces is not None and not is_quiet:
        visit.trace = services.traces.begin(request.headers, current)
    response: StreamResponse | None = None
    try:
        with services.readiness, visit.configured:
            response = await handler(request)
    finally:
        if visit.body is not None:
            visit.body.free()
        if not is_quiet:
            tell(request, visit, response)
    return response


@middleware
async def answer(request: Request, handler: Handler) -> StreamResponse:
    """Checks the key, and answers errors in the API's form; a bug of ours shows nothing of itself to the client."""
    visit = request[VISIT]
    try:
        _authenticate(request, visit)
        return await handler(request)
    except ConnectionError:  # the client is gone or stalled: nobody is left to answer
        raise asyncio.CancelledError from None
    except Exception as failure:  # noqa: BLE001 - what is not known is logged
        error = _explained(failure).caught()
    visit.outcome = visit.outcome or Outcome()
    visit.outcome.fail(error)
    if visit.has_begun:
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
            message = "What is stored cannot be read at the moment. Requests that do not need it go on."
            return GatewayError(ErrorKind.STATE_UNAVAILABLE, message, retry_after=_STORE_RETRY_SECONDS)
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


def _authenticate(request: Request, visit: Visit) -> None:
    """Lets requests under `/v1` pass with a known key only; every refusal is the same.

    As long as there is no key, programs of this machine need none.
    """
    if not request.path.startswith("/v1/"):
        return
    keys = visit.services.keys
    visit.caller = keys.ring.authenticate(request.headers.get("Authorization"))
    if visit.caller is not None or (keys.is_open and is_from_this_machine(request)):
        return
    raise GatewayError(
        ErrorKind.INVALID_API_KEY, _WITHOUT_KEYS if keys.is_open else _WRONG_KEY, headers=dict(_CHALLENGE)
    )
