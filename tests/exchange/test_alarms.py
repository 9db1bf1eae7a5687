"""Alarms: when they ring, that one that is taken back does not, and that they share their timers."""

import asyncio
from contextvars import Context, ContextVar
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.exchange.alarms import Alarms, alarms_of
from tests.fakes.upstream import WAIT

ROUNDING = 1e-6
"""Seconds. What a sum of floats may be off by, years after the machine was started."""

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


class Watch:
    """Notes when it looks, and in whose context; then does something."""

    def __init__(self, alarms: Alarms, then: object = None) -> None:
        self.alarms = alarms
        self.loop = asyncio.get_running_loop()
        self.looked_at: list[float] = []
        self.contexts: list[str] = []
        self.has_looked = asyncio.Event()
        self.then = then

    def look(self) -> None:
        self.looked_at.append(self.loop.time())
        self.contexts.append(WHOSE.get())
        self.has_looked.set()
        if callable(self.then):
            self.then()


async def wait_for(*watches: Watch) -> None:
    async with asyncio.timeout(WAIT):
        for watch in watches:
            await watch.has_looked.wait()


@pytest.fixture
async def alarms() -> Alarms:
    return Alarms(asyncio.get_running_loop())


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 0.15])
async def test_an_alarm_rings_once_and_not_too_early(alarms: Alarms, seconds: float) -> None:
    watch = Watch(alarms)
    since = watch.loop.time()
    alarms.set(watch, seconds)
    await wait_for(watch)
    await asyncio.sleep(0.05)
    assert len(watch.looked_at) == 1
    assert watch.looked_at[0] >= since + seconds


class StoppedLoop:
    """A loop at one moment, which notes for when it was given a timer."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.timers: list[float] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, *_: object, context: Context) -> None:
        self.timers.append(when)


@given(now=st.floats(0.0, 1e8), seconds=st.floats(0.0, 1e5))
@example(now=85463.069951534, seconds=0.001)
def test_no_moment_is_too_early_nor_more_than_a_tick_or_a_hundredth_too_late(now: float, seconds: float) -> None:
    loop = StoppedLoop(now)
    Alarms(cast("asyncio.AbstractEventLoop", loop)).set(cast("Watch", None), seconds)
    [rings_at] = loop.timers
    late = rings_at - now - seconds
    assert -ROUNDING <= late <= max(0.01, seconds / 100) + ROUNDING


async def test_the_earlier_one_rings_first_whichever_was_set_first(alarms: Alarms) -> None:
    late, early = Watch(alarms), Watch(alarms)
    alarms.set(late, 0.1)
    alarms.set(early, 0.02)
    await wait_for(late, early)
    assert early.looked_at < late.looked_at


async def test_one_that_is_taken_back_does_not_ring(alarms: Alarms) -> None:
    watch, other = Watch(alarms), Watch(alarms)
    moment = alarms.set(watch, 0.02)
    alarms.set(other, 0.05)
    alarms.unset(watch, moment)
    alarms.unset(watch, moment)
    await wait_for(other)
    assert not watch.looked_at
    alarms.unset(other, moment)


async def test_one_can_be_set_again_while_it_rings(alarms: Alarms) -> None:
    watch = Watch(alarms)
    done = asyncio.Event()
    watch.then = lambda: alarms.set(watch, 0.0) if len(watch.looked_at) < 3 else done.set()
    alarms.set(watch, 0.0)
    async with asyncio.timeout(WAIT):
        await done.wait()


async def test_a_watcher_that_fails_is_told_of_and_keeps_no_other_from_looking(alarms: Alarms) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    failing, other = Watch(alarms, lambda: 1 / 0), Watch(alarms)
    for watch in (failing, other):
        alarms.set(watch, 0.02)
    await wait_for(failing, other)
    assert [type(error) for error in told] == [ZeroDivisionError]


async def test_it_rings_in_nobodys_context(alarms: Alarms) -> None:
    """A log line must not be another request's."""
    watch = Watch(alarms)
    token = WHOSE.set("somebody's")
    alarms.set(watch, 0.0)
    WHOSE.reset(token)
    await wait_for(watch)
    assert watch.contexts == ["nobody's"]


async def test_a_thousand_watchers_share_one_timer(alarms: Alarms) -> None:
    alarms.set(Watch(alarms), 30.0)
    timer = alarms._timer
    for _ in range(1000):
        alarms.set(Watch(alarms), 31.0)
    assert alarms._timer is timer is not None


async def test_a_loop_has_its_alarms() -> None:
    loop = asyncio.get_running_loop()
    assert alarms_of(loop) is alarms_of(loop)
