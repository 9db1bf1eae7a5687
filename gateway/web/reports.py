"""From a request and what became of it to its report, which the log and the metrics get."""

import time

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import dumps
from gateway.exchange.exchange import Exchange
from gateway.exchange.outcome import Outcome
from gateway.telemetry.logs import log_contents, log_request
from gateway.telemetry.report import Report, Work
from gateway.web.app_keys import ASKED, CALLER, HAS_BEGUN, METRICS, MODEL, OUTCOME, STARTED, TRACE

_CLIENT_GONE = 499
"""nginx's status for a client that left: only for the log, nobody receives it."""


def tell(request: Request, response: StreamResponse | None) -> None:
    """Tells of a request that is over; without a response its client has left."""
    report = _report(request, response)
    request.app[METRICS].count(report)
    log_request(report.log_fields())
    if (trace := request.get(TRACE)) is not None:
        trace.end(report)


def tell_contents(request: Request, exchange: Exchange) -> None:
    """Logs what was asked and answered, where the operator has switched that on."""
    if (asked := request.get(ASKED)) is not None:
        ending = exchange.ending
        log_contents(dumps(asked), ending.json(is_stored=False) if ending is not None else b"")


def _report(request: Request, response: StreamResponse | None) -> Report:
    outcome: Outcome = request.get(OUTCOME) or Outcome()
    return Report(
        method=request.method,
        path=request.path,
        route=_route(request),
        status=_status(request, response),
        seconds=time.monotonic() - request[STARTED],
        work=work_of(request, outcome, outcome.termination or _termination(response)),
    )


def work_of(request: Request, outcome: Outcome, termination: str) -> Work:
    """What an exchange for this request did."""
    caller = request.get(CALLER)
    pace = outcome.pace if outcome.is_stream else None
    return Work(
        termination=termination,
        key_id=caller.id if caller is not None else "",
        key=caller.name if caller is not None else "",
        model=request.get(MODEL, ""),
        provider=outcome.provider,
        upstream_model=outcome.upstream_model,
        attempts=outcome.attempts,
        upstream_code=outcome.upstream_code,
        limit=outcome.limit,
        dropped=outcome.dropped,
        consumption=outcome.consumption,
        pace=pace,
        first_token_seconds=pace.first_at - request[STARTED] if pace is not None and pace.first_at else None,
    )


def _route(request: Request) -> str:
    """The method and the pattern of the path: few, whatever clients ask for."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource is not None else ""


def _status(request: Request, response: StreamResponse | None) -> int:
    if response is not None:
        return response.status
    return 200 if HAS_BEGUN in request else _CLIENT_GONE


def _termination(response: StreamResponse | None) -> str:
    """How a request ended that never came to an exchange."""
    if response is None:
        return "client_gone"
    return "completed" if response.status < 400 else "client_error"
