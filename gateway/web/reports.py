"""From a request and what became of it to its report, which the log and the metrics get."""

import time

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import dumps
from gateway.exchange.exchange import Exchange
from gateway.exchange.outcome import Outcome
from gateway.telemetry.logs import log_contents, log_request
from gateway.telemetry.report import Report, Work
from gateway.web.visit import Visit

_CLIENT_GONE = 499
"""nginx's status for a client that left: only for the log, nobody receives it."""


def tell(request: Request, visit: Visit, response: StreamResponse | None) -> None:
    """Tells of a request that is over; without a response its client has left."""
    report = _report(request, visit, response)
    visit.services.metrics.count(report)
    log_request(report.log_fields())
    if visit.trace is not None:
        visit.trace.end(report)


def tell_contents(visit: Visit, exchange: Exchange) -> None:
    """Logs what was asked and answered, where the operator has switched that on."""
    if visit.asked is not None:
        ending = exchange.ending
        log_contents(dumps(visit.asked), ending.json(is_stored=False) if ending is not None else b"")


def _report(request: Request, visit: Visit, response: StreamResponse | None) -> Report:
    outcome = visit.outcome or Outcome()
    return Report(
        method=request.method,
        path=request.path,
        route=_route(request),
        status=_status(visit, response),
        seconds=time.monotonic() - visit.started,
        work=work_of(visit, outcome, outcome.termination or _termination(response)),
    )


def work_of(visit: Visit, outcome: Outcome, termination: str) -> Work:
    """What an exchange for this request did."""
    caller = visit.caller
    pace = outcome.pace
    return Work(
        termination=termination,
        key_id=caller.id if caller is not None else "",
        key=caller.name if caller is not None else "",
        model=visit.model,
        provider=outcome.provider,
        upstream_model=outcome.upstream_model,
        attempts=outcome.attempts,
        upstream_code=outcome.upstream_code,
        limit=outcome.limit,
        dropped=outcome.dropped,
        consumption=outcome.consumption,
        pace=pace,
        first_token_seconds=pace.first_at - visit.started if pace is not None and pace.first_at else None,
    )


def _route(request: Request) -> str:
    """The method and the pattern of the path: few, whatever clients ask for."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource is not None else ""


def _status(visit: Visit, response: StreamResponse | None) -> int:
    if response is not None:
        return response.status
    return 200 if visit.has_begun else _CLIENT_GONE


def _termination(response: StreamResponse | None) -> str:
    """How a request ended that never came to an exchange."""
    if response is None:
        return "client_gone"
    return "completed" if response.status < 400 else "client_error"
