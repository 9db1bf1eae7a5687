import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.sliding_counter import WINDOW_SECONDS, SlidingCounter

STEPS = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 10)), max_size=40)
"""How long after the one before, and how much."""


def test_what_came_in_the_minute_before_counts_less_and_less() -> None:
    counter = SlidingCounter()
    counter.add(30.0, 8)
    assert [counter.level(now).used for now in (59.0, 60.0, 75.0, 105.0, 120.0)] == [8, 8, 6, 2, 0]


def test_what_is_older_does_not_count() -> None:
    counter = SlidingCounter()
    counter.add(30.0, 8)
    assert counter.level(300.0).used == 0


@pytest.mark.parametrize(
    ("now", "reset"),
    [(10.0, 110.0), (70.0, 50.0), (130.0, 0.0)],
)
def test_all_is_free_again_after_the_next_minute(now: float, reset: float) -> None:
    counter = SlidingCounter()
    counter.add(0.0, 1)
    assert counter.level(now).reset_seconds == reset


@given(STEPS, st.integers(1, 20))
def test_no_minute_has_more_than_the_limit(steps: list[tuple[float, int]], limit: int) -> None:
    counter, now, by_minute = SlidingCounter(), 0.0, dict[float, int]()
    for pause, amount in steps:
        now += pause
        if amount <= limit and not counter.wait(now, amount, limit):
            counter.add(now, amount)
            minute = now // WINDOW_SECONDS
            by_minute[minute] = by_minute.get(minute, 0) + amount
            assert counter.level(now).used <= limit
    assert all(count <= limit for count in by_minute.values())


@given(STEPS, st.integers(10, 20), st.integers(1, 10))
def test_there_is_room_after_the_wait_and_not_much_sooner(
    steps: list[tuple[float, int]], limit: int, amount: int
) -> None:
    counter, now = SlidingCounter(), 0.0
    for pause, size in steps:
        now += pause
        counter.add(now, size)
    wait = counter.wait(now, amount, limit)
    copy = SlidingCounter(counter.index, counter.previous, counter.current)
    assert not copy.wait(now + wait + 1e-6, amount, limit)
    if wait > 0.01:
        assert counter.wait(now + wait - 0.01, amount, limit) == pytest.approx(0.01, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 90), st.integers(1, 10), st.floats(0, 150)), max_size=20))
def test_what_is_taken_back_leaves_nothing_and_is_never_less_than_nothing(
    steps: list[tuple[float, int, float]],
) -> None:
    counter, now = SlidingCounter(), 0.0
    for pause, amount, later in steps:
        now += pause
        index = counter.add(now, amount)
        now += later
        counter.take_back(now, index, amount)
        assert math.isclose(counter.level(now).used, 0, abs_tol=1e-9)
