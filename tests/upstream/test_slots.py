import asyncio

import pytest

from gateway.upstream.slots import QueueFullError, Slots


async def queued(slots: Slots, number: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(slots.wait()) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_without_a_limit_there_is_always_one() -> None:
    slots = Slots(0, 0)
    assert all(slots.take() for _ in range(1000))


async def test_a_slot_is_taken_and_given_back() -> None:
    slots = Slots(2, 0)
    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.give_back()
    assert slots.take()


async def test_those_who_wait_come_in_order() -> None:
    slots = Slots(1, 10)
    assert slots.take()
    first, second = await queued(slots, 2)
    assert not slots.take()
    slots.give_back()
    await asyncio.sleep(0)
    assert (first.done(), second.done(), slots.taken) == (True, False, 1)
    assert not slots.take()  # nobody overtakes
    slots.give_back()
    await second
    slots.give_back()
    assert slots.taken == 0


async def test_the_queue_is_bounded() -> None:
    slots = Slots(1, 1)
    assert slots.take()
    (task,) = await queued(slots, 1)
    with pytest.raises(QueueFullError):
        await slots.wait()
    task.cancel()


async def test_who_leaves_the_queue_leaves_no_gap() -> None:
    slots = Slots(1, 10)
    assert slots.take()
    first, second = await queued(slots, 2)
    first.cancel()
    await asyncio.sleep(0)
    assert slots.waiting == 1
    slots.give_back()
    await second
    assert slots.taken == 1


async def test_a_slot_that_comes_in_the_moment_of_the_cancellation_goes_to_the_next() -> None:
    slots = Slots(1, 10)
    assert slots.take()
    first, second = await queued(slots, 2)
    slots.give_back()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    slots.give_back()
    assert (slots.taken, slots.waiting) == (0, 0)
