"""Responses in the background: how one is begun, and how its events reach whoever asks for them."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp.web import Request, StreamResponse

from gateway.codec.sse import DONE
from gateway.exchange.background import BackgroundRuns
from gateway.exchange.exchange import Exchange
from gateway.exchange.keeping import Keeping
from gateway.exchange.outcome import Outcome
from gateway.telemetry.report import add_log_fields
from gateway.web.admission import Entry
from gateway.web.answers import raw_json_answer
from gateway.web.event_stream import EventStream
from gateway.web.reports import tell_contents, work_of
from gateway.web.visit import VISIT

_log = logging.getLogger(__name__)

_LAST_FRAME = b"data: %b\n\n" % DONE


async def create_in_background(
    request: Request, exchange: Exchange, keeping: Keeping, runs: BackgroundRuns, entry: Entry
) -> StreamResponse:
    """Answers with the response as it is queued, or with its events from the first one on.

    What the request holds of the limits, the run holds until its own end.

    Raises:
        GatewayError: when there are too many.
        StoreError: when it cannot be stored.
    """
    owner, queued = request[VISIT].owner, exchange.pending("queued")
    configured = request[VISIT].configured
    configured.hold()
    try:
        on_end = _end_of_run(request, exchange, queued.response_id, entry)
        await runs.start(owner, exchange, keeping, on_end)
    except BaseException:
        configured.release()
        raise
    entry.detach()
    if not exchange.is_stream:
        return raw_json_answer(queued.json(is_stored=True), headers=dict(exchange.headers))
    return await send_events(request, runs.follow_own(owner, queued.response_id), exchange.headers)


def _end_of_run(request: Request, exchange: Exchange, response_id: str, entry: Entry) -> Callable[[], None]:
    """Counts and logs a run when it is over: the line of the request that asked for it is long written."""
    outcome, visit = exchange.outcome, request[VISIT]

    def tell() -> None:
        visit.configured.release()
        entry.end(outcome.consumption)
        work = work_of(visit, outcome, outcome.termination or "gateway_error")
        visit.services.metrics.count_background(work)
        fields: dict[str, object] = {"id": response_id}
        add_log_fields(fields, work)
        _log.info("background response", extra={"fields": fields})
        tell_contents(visit, exchange)

    return tell


async def send_events(
    request: Request, frames: AsyncIterator[bytes], headers: Sequence[tuple[str, str]] = ()
) -> StreamResponse:
    """Sends frames of a response in the background as they come; a heartbeat has no event's number.

    Raises:
        StoreError: when they cannot be read.
        ConnectionError: when the client is gone or stalled; the response is made all the same.
    """
    visit = request[VISIT]
    visit.outcome = Outcome()
    stream = EventStream(request, visit.configured.settings.server)
    streams = visit.services.streams
    streams.add(request)
    try:
        await stream.start(b"", headers)
        async for several in frames:
            await stream.write(several)
        await stream.write(_LAST_FRAME)
        await stream.finish()
    finally:
        streams.remove(request)
        stream.end_heartbeat()
    return stream
