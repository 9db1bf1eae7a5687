"""One request to one upstream: within its time limits, through its gate, and with every failure as a GatewayError."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline
from gateway.exchange.outcome import word_of
from gateway.exchange.ports import Target
from gateway.exchange.retries import is_outage
from gateway.exchange.running import RunningExchanges
from gateway.telemetry.traces import asking
from gateway.upstream.gate import Passage

_log = logging.getLogger(__name__)

Work = Callable[[Deadline, Passage], Awaitable[GatewayError | None]]


async def attempted(target: Target, work: Work, running: RunningExchanges, *, pause: float) -> GatewayError | None:
    """Does the work; returns why it failed.

    Args:
        target: who is asked; its limits count and its gate is passed.
        work: asks, and tells the passage when the upstream works. The error that it returns is one of the answer; what
            it raises may be one of the upstream.
        running: where the attempt is listed while it is under way.
        pause: seconds to wait first.

    Raises:
        ConnectionError: when the client is gone; those of upstreams have become GatewayErrors.
    """
    passage, deadline = Passage(target.gate), Deadline(target.upstream.settings)
    try:
        with asking(target.upstream.settings.name, target.model) as asked:
            try:
                with deadline:
                    running.add(deadline)
                    if pause:
                        deadline.hold()
                        await asyncio.sleep(pause)
                    await passage.enter(deadline.hold)
                    deadline.ask()
                    error = await work(deadline, passage)
            except ConnectionError:
                raise
            except Exception as failure:  # noqa: BLE001 - whatever it is, a stream that is open still gets its end
                error = _explained(failure, deadline)
                _tell(passage, error)
            if asked is not None and error is not None:
                asked.error = word_of(error)
            return error
    finally:
        running.remove(deadline)
        passage.leave()


def _explained(failure: Exception, deadline: Deadline) -> GatewayError:
    match failure:
        case GatewayError():
            return failure.caught()
        case TimeoutError():
            return deadline.error
        case _:
            _log.error("an exchange failed on a fault of the gateway", exc_info=failure)
            return GatewayError(ErrorKind.INTERNAL, "The gateway failed on this request.")


def _tell(passage: Passage, error: GatewayError) -> None:
    """An upstream that refuses a request works; one that says nothing, or that it is ill, does not."""
    if is_outage(error):
        passage.fail()
    elif error.is_reported:
        passage.succeed()
