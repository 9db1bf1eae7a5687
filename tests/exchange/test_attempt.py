import asyncio

import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.attempt import Work, attempted
from gateway.exchange.deadline import Deadline
from gateway.exchange.running import RunningExchanges
from gateway.upstream.gate import Passage
from tests.exchange.worlds import ScriptedTarget, targets_of, upstream

BUSY = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "busy", upstream_status=503, is_reported=True)
REFUSED = GatewayError(ErrorKind.UPSTREAM_REJECTED, "no", upstream_status=400, is_reported=True)


def target(*, cooldown: float = 10, first_byte: float = 10) -> ScriptedTarget:
    limits = {"breaker_cooldown_seconds": cooldown, "first_byte_timeout_seconds": first_byte}
    (one,) = targets_of(upstream([], wait=0, breaker_failures=1, max_concurrency=1, **limits))
    return one


def working(ending: BaseException | GatewayError | None, *, is_raised: bool = True, seconds: float = 0) -> Work:
    async def work(deadline: Deadline, passage: Passage) -> GatewayError | None:
        await asyncio.sleep(seconds)
        if ending is None or (isinstance(ending, GatewayError) and not is_raised):
            return ending
        raise ending

    return work


async def run(one: ScriptedTarget, work: Work, pause: float = 0) -> GatewayError | None:
    return await attempted(one, work, RunningExchanges(), pause=pause)


async def test_work_that_is_done_has_no_error() -> None:
    one = target()
    assert await run(one, working(None)) is None
    assert one.gate.slots.taken == 0


@pytest.mark.parametrize(("error", "is_open"), [(BUSY, True), (REFUSED, False)])
async def test_the_breaker_hears_what_is_raised(error: GatewayError, *, is_open: bool) -> None:
    one = target()
    assert await run(one, working(error)) is error
    assert (one.gate.breaker.is_open, one.gate.slots.taken) == (is_open, 0)


async def test_the_breaker_hears_nothing_of_what_is_returned() -> None:
    one = target()
    assert await run(one, working(BUSY, is_raised=False)) is BUSY
    assert not one.gate.breaker.is_open


@pytest.mark.parametrize(("ending", "is_open"), [(REFUSED, False), (BUSY, True)])
async def test_a_probe_decides_however_it_ends(ending: GatewayError, *, is_open: bool) -> None:
    one = target(cooldown=0.001)
    await run(one, working(BUSY))
    await asyncio.sleep(0.01)
    await run(one, working(ending))
    assert one.gate.breaker.is_open is is_open


async def test_a_limit_is_an_error_of_the_upstream() -> None:
    one = target(first_byte=0.01)
    error = await run(one, working(None, seconds=5))
    assert error is not None
    assert error.code == "upstream_first_byte_timeout"
    assert one.gate.breaker.is_open


async def test_a_pause_is_not_the_upstreams_silence() -> None:
    assert await run(target(first_byte=0.01), working(None), pause=0.05) is None


async def test_a_fault_of_the_gateway_shows_nothing_of_itself() -> None:
    one = target()
    error = await run(one, working(ZeroDivisionError("secret")))
    assert error is not None
    assert (error.kind, "secret" in error.message) == (ErrorKind.INTERNAL, False)
    assert not one.gate.breaker.is_open


@pytest.mark.parametrize("ending", [ConnectionResetError(), asyncio.CancelledError()])
async def test_a_client_that_is_gone_leaves_nothing_behind(ending: BaseException) -> None:
    one = target()
    with pytest.raises(type(ending)):
        await run(one, working(ending))
    assert (one.gate.slots.taken, one.gate.breaker.is_open) == (0, False)
