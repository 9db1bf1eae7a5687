from dataclasses import dataclass

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome
from gateway.exchange.trials import Trials, Turn, in_turn
from tests.exchange.worlds import targets_of, upstream

BUSY = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "busy", upstream_code="503", upstream_status=503)
REFUSED = GatewayError(ErrorKind.UPSTREAM_REJECTED, "refused", upstream_code="400", is_reported=True)
SHED = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "left alone", upstream_code="breaker_open")


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def trials(*names: str, clock: Clock | None = None, max_attempts: int = 10, max_tries: int = 2) -> Trials:
    ups = [upstream([], name=name, max_tries=max_tries, retry_pause_seconds=4) for name in names]
    return Trials(targets_of(*ups), max_attempts=max_attempts, clock=clock or Clock(), chance=lambda: 0.0)


def order(one: Trials, *errors: GatewayError) -> list[str]:
    """Who is asked when they fail with these, the last one for all that follow."""
    asked = []
    while (turn := one.next()) is not None:
        asked.append(turn.target.upstream.settings.name)
        one.fail(errors[min(len(asked), len(errors)) - 1])
    return asked


def test_each_has_its_turn_before_anyone_has_another() -> None:
    assert order(trials("a", "b", "c"), BUSY) == ["a", "b", "c", "a", "b", "c"]


def test_a_refusal_ends_it() -> None:
    assert order(trials("a", "b", "c"), BUSY, REFUSED) == ["a", "b"]


def test_those_who_were_not_asked_do_not_count() -> None:
    assert order(trials("a", "b", "c", "d", max_attempts=2), SHED, SHED, BUSY) == ["a", "b", "c", "d"]


def test_there_is_more_as_long_as_somebody_is_left_and_may_be_asked() -> None:
    one = trials("a", "b", max_attempts=1)
    two = trials("a", "b")
    found = []
    for each in (one, two):
        for _ in range(3):
            found.append(each.has_more)
            each.next()
    assert found == [True, False, False, True, True, False]


def test_a_pause_is_counted_from_the_failure() -> None:
    clock = Clock()
    one = trials("a", "b", clock=clock)
    one.next()
    assert one.pause() == 0
    one.fail(BUSY)
    clock.now += 3
    one.next()
    one.fail(REFUSED)
    two = trials("a", clock=clock)
    two.next()
    two.fail(BUSY)
    clock.now += 3
    two.next()
    assert two.pause() == 1
    clock.now += 3
    assert two.pause() == 0


async def test_what_an_upstream_said_is_told_rather_than_that_the_others_are_left_alone() -> None:
    outcome = Outcome()
    errors = iter([BUSY, SHED, SHED])

    async def attempt(turn: Turn) -> GatewayError:
        return next(errors)

    one = trials("a", "b", "c", max_tries=1)
    assert await in_turn(one, outcome, attempt, is_final=lambda: False) is BUSY
    assert outcome.attempts == ["a/model:503", "b/model:breaker_open", "c/model:breaker_open"]


async def test_nobody_is_asked_after_something_was_put_out() -> None:
    async def attempt(turn: Turn) -> GatewayError:
        return BUSY

    outcome = Outcome()
    assert await in_turn(trials("a", "b"), outcome, attempt, is_final=lambda: True) is BUSY
    assert len(outcome.attempts) == 1
