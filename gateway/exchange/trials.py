"""Whose turn it is: each target once, in order; then those again that may do better after a pause.

`Trials` decides and waits for nothing; `in_turn` asks one after the other, for every kind of request.
"""

import random
import time
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome
from gateway.exchange.ports import Target
from gateway.exchange.retries import is_own_refusal, is_shed, moves_on, pause_before_retry


class Turn(Struct):
    """One target's turn.

    Args:
        index: the place of the target in the order.
        target: who is asked.
        tries: how often it has been asked, this time included.
        ready_at: when it may be asked again, on the clock of its trials; 0 for at once.
    """

    index: int
    target: Target
    tries: int = 1
    ready_at: float = 0.0


class Trials:
    """The turns of one request.

    Args:
        targets: who may answer, in order; at least one.
        max_attempts: the most requests to upstreams.
        clock: seconds that only grow.
        chance: a number from 0 to 1, another one each time.
    """

    __slots__ = ("_chance", "_clock", "_current", "_left", "_turns")

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        max_attempts: int,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._turns = [Turn(index, target) for index, target in enumerate(targets)]
        self._left = max_attempts
        self._clock = clock
        self._chance = chance
        self._current: Turn | None = None

    @property
    def has_more(self) -> bool:
        """Whether another target may still be asked, whatever happens now."""
        return self._left > 0 and bool(self._turns)

    def next(self) -> Turn | None:
        """The next turn; None if there is none."""
        if not self.has_more:
            return None
        self._left -= 1
        self._current = self._turns.pop(0)
        if self._current.tries == 1:
            self._current.target.gate.budget.earn()
        return self._current

    def pause(self) -> float:
        """How many seconds the current turn still has to wait."""
        return max(0.0, self._current.ready_at - self._clock()) if self._current and self._current.ready_at else 0.0

    def fail(self, error: GatewayError) -> None:
        """The current turn failed, before there was any output."""
        if is_shed(error) or is_own_refusal(error):  # nothing was sent
            self._left += 1
        elif not moves_on(error):
            self._turns.clear()
        elif self._current is not None:
            self._try_again(self._current, error)

    def _try_again(self, turn: Turn, error: GatewayError) -> None:
        settings, chance = turn.target.upstream.settings, self._chance()
        pause = pause_before_retry(error, settings, tries=turn.tries, chance=chance)
        if pause is not None and self._left > 0 and turn.target.gate.budget.spend():
            self._turns.append(Turn(turn.index, turn.target, turn.tries + 1, self._clock() + pause))


async def in_turn(
    trials: Trials,
    outcome: Outcome,
    attempt: Callable[[Turn], Awaitable[GatewayError | None]],
    *,
    is_final: Callable[[], bool],
) -> GatewayError | None:
    """Asks the targets until one answers; returns what ended it otherwise.

    Args:
        trials: whose turn it is.
        outcome: keeps who was asked.
        attempt: asks a target; returns why it failed.
        is_final: whether something has been put out, after which nobody else is asked.
    """
    error: GatewayError | None = None
    while (turn := trials.next()) is not None:
        outcome.ask(turn.target)
        caught = await attempt(turn)
        outcome.settle(caught)
        if caught is None or is_final():
            return caught
        trials.fail(caught)
        if error is None or not (is_shed(caught) or is_own_refusal(caught)):  # what an upstream said explains more
            error = caught
    return error or GatewayError(ErrorKind.INTERNAL, "Nobody was asked.")
