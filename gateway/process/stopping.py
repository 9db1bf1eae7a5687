"""The end of the process: the signals that ask for it, and the drain that loses nothing which can be kept."""

import asyncio
import logging
import signal
import time

from gateway.exchange.running import RunningExchanges
from gateway.web.runner import GatewayRunner
from gateway.web.services import Readiness

_log = logging.getLogger(__name__)

_GRACE_SECONDS = 0.5
"""For connections that were accepted just before listening stopped: without it about one request in 500 is cut."""

_LINGER_SECONDS = 6.0
"""For idle connections to be closed by their clients. Closed from here, one could cross with the next request on it,
which a proxy must not send again. nginx closes those that the shipped configuration keeps after 5 seconds."""

_LOOK_SECONDS = 0.05

_LAST_WORDS_SECONDS = 2.0
"""For the terminal events of the streams that the drain limit ends."""


class Stop:
    """The signals that end the process: the first asks, the second insists."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._take)

    def _take(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


async def drain(
    runner: GatewayRunner, readiness: Readiness, running: RunningExchanges, stop: Stop, limit: float
) -> None:
    """Lets what runs come to its end, within limits; then what still runs is told why it ends.

    Args:
        runner: it takes no connection from now on, and answers requests on those that it has.
        readiness: it says 503 from now on.
        running: what is ended at the limit.
        stop: its second signal ends all waiting.
        limit: how long requests may go on, in seconds.
    """
    _log.info("draining", extra={"fields": {"requests": readiness.requests}})
    readiness.is_draining = True
    started = time.monotonic()
    await runner.stop_listening()
    await _first_of(stop.second, limit=_GRACE_SECONDS)
    while not stop.second.is_set() and (seconds := time.monotonic() - started) < limit:
        if readiness.idle.is_set() and (seconds > _LINGER_SECONDS or not runner.connections):
            break
        await _first_of(stop.second, limit=_LOOK_SECONDS)
    running.expire()
    await _first_of(stop.second, readiness.idle, limit=_LAST_WORDS_SECONDS)
    if stop.second.is_set():
        runner.hurry()


async def _first_of(*events: asyncio.Event, limit: float) -> None:
    """Returns when one of the events is set, and after the limit in any case."""
    waits = [asyncio.create_task(event.wait(), name="wait to stop") for event in events]
    await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
