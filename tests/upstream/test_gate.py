import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.gate import SHED, Gate, Passage


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def gate(clock: Clock | None = None, **limits: object) -> Gate:
    settings = msgspec.convert({"name": "up", "base_url": "http://up", **limits}, ProviderSettings)
    return Gate(settings, clock or Clock())


def never() -> None:
    raise AssertionError("it waited")


async def passed(one: Gate) -> Passage:
    passage = Passage(one)
    await passage.enter(never)
    return passage


async def refusal(one: Gate) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await Passage(one).enter(lambda: None)
    assert caught.value.upstream_code in SHED
    return caught.value


async def test_a_passage_that_leaves_twice_gives_one_slot_back() -> None:
    one = gate(max_concurrency=2)
    first, _ = await passed(one), await passed(one)
    first.leave()
    first.leave()
    assert one.slots.taken == 1


async def test_a_full_queue_is_an_overload_with_a_hint_when_to_come_back() -> None:
    one = gate(max_concurrency=1, queue_size=0)
    await passed(one)
    error = await refusal(one)
    assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_OVERLOADED, "queue_full")
    assert error.retry_after


async def test_who_waits_too_long_is_refused_and_leaves_the_queue() -> None:
    one = gate(max_concurrency=1, queue_timeout_seconds=0.01)
    await passed(one)
    assert (await refusal(one)).upstream_code == "queue_timeout"
    assert one.slots.waiting == 0


async def test_who_waits_is_told_so_and_gets_the_slot() -> None:
    one = gate(max_concurrency=1)
    first, second, waited = await passed(one), Passage(one), list[bool]()
    task = asyncio.create_task(second.enter(lambda: waited.append(True)))
    await asyncio.sleep(0)
    first.leave()
    await task
    assert (waited, one.slots.taken) == ([True], 1)
    second.leave()
    assert one.slots.taken == 0


async def test_a_cancelled_wait_takes_nothing() -> None:
    one = gate(max_concurrency=1)
    first, second = await passed(one), Passage(one)
    task = asyncio.create_task(second.enter(lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    second.leave()
    first.leave()
    assert (one.slots.taken, one.slots.waiting) == (0, 0)


async def test_an_open_breaker_refuses_and_says_for_how_long() -> None:
    clock = Clock()
    one = gate(clock, breaker_failures=2, breaker_cooldown_seconds=7)
    for _ in range(2):
        passage = await passed(one)
        passage.fail()
        passage.leave()
    clock.now += 3
    error = await refusal(one)
    assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_UNREACHABLE, "breaker_open")
    assert error.retry_after == 4


@pytest.mark.parametrize(("ending", "is_open"), [("succeed", False), ("fail", True), ("leave", True)])
async def test_the_probe_decides(ending: str, *, is_open: bool) -> None:
    clock = Clock()
    one = gate(clock, breaker_failures=1)
    (await passed(one)).fail()
    clock.now += 11
    probe = await passed(one)
    await refusal(one)
    getattr(probe, ending)()
    probe.leave()
    assert one.breaker.is_open is is_open
    assert (one.breaker.wait() > 0) is (ending == "fail")


async def test_a_breaker_that_opens_meanwhile_refuses_those_who_wait() -> None:
    one = gate(max_concurrency=1, breaker_failures=1)
    first, second = await passed(one), Passage(one)
    task = asyncio.create_task(second.enter(lambda: None))
    await asyncio.sleep(0)
    first.fail()
    first.leave()
    with pytest.raises(GatewayError):
        await task
    second.leave()
    assert one.slots.taken == 0
