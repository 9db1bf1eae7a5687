from dataclasses import dataclass

from gateway.upstream.breaker import Breaker


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock, failures: int = 5) -> Breaker:
    return Breaker(failures=failures, window=10, cooldown=30, clock=clock)


def opened(clock: Clock) -> Breaker:
    one = breaker(clock)
    for _ in range(5):
        one.fail()
    return one


def test_five_failures_in_ten_seconds_open_it() -> None:
    one, clock = breaker(Clock()), Clock()
    for _ in range(4):
        one.fail()
    assert one.wait() == 0.0
    one.fail()
    assert one.is_open
    assert one.wait() == 30
    assert opened(clock).wait() == 30


def test_failures_that_are_spread_do_not_open_it() -> None:
    clock = Clock()
    one = breaker(clock)
    for _ in range(20):
        one.fail()
        clock.now += 3
    assert not one.is_open


def test_a_success_between_them_forgives_all_failures() -> None:
    one = breaker(Clock())
    for _ in range(4):
        one.fail()
    one.succeed()
    for _ in range(4):
        one.fail()
    assert not one.is_open


def test_after_the_cool_down_one_probe_passes_and_the_others_wait() -> None:
    clock = Clock()
    one = opened(clock)
    clock.now += 29
    assert one.wait() == 1
    clock.now += 1
    assert one.wait() == 0
    assert one.enter()
    assert one.wait() == 30


def test_a_probe_that_succeeds_closes_it() -> None:
    clock = Clock()
    one = opened(clock)
    clock.now += 30
    one.enter()
    one.succeed()
    assert not one.is_open
    assert not one.enter()


def test_a_probe_that_fails_opens_it_again() -> None:
    clock = Clock()
    one = opened(clock)
    clock.now += 31
    one.enter()
    one.fail()
    assert one.wait() == 30


def test_a_probe_that_is_abandoned_leaves_the_place_to_the_next() -> None:
    clock = Clock()
    one = opened(clock)
    clock.now += 30
    one.enter()
    one.abandon()
    assert one.wait() == 0
    assert one.enter()


def test_failures_of_requests_that_were_sent_before_do_not_make_the_wait_longer() -> None:
    clock = Clock()
    one = opened(clock)
    clock.now += 20
    one.fail()
    assert one.wait() == 10


def test_without_a_number_of_failures_it_never_opens() -> None:
    one = breaker(Clock(), failures=0)
    for _ in range(100):
        one.fail()
    assert one.wait() == 0.0
