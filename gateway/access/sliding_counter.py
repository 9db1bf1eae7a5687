"""A count over the last minute: that of the current minute, and of the one before as much as the last 60 seconds hold.

It takes that what came in a minute came evenly. So it never lets more than the limit into a minute of the clock, and
needs two numbers where a list of all events would grow with the limit. Pure: the time is an argument.
"""

from dataclasses import dataclass

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Level:
    """How full a counter is.

    Args:
        used: what counts at the moment.
        reset_seconds: after so long nothing of it counts any more.
    """

    used: float
    reset_seconds: float


class SlidingCounter:
    """One count. `now` is in seconds and never goes back."""

    __slots__ = ("current", "index", "previous")

    def __init__(self, index: int = 0, previous: float = 0, current: float = 0) -> None:
        self.index = index
        self.previous = previous
        self.current = current

    def level(self, now: float) -> Level:
        """How full it is."""
        used = self._used(now)
        left = WINDOW_SECONDS - now % WINDOW_SECONDS
        if self.current:
            return Level(used, left + WINDOW_SECONDS)
        return Level(used, left if self.previous else 0.0)

    def wait(self, now: float, amount: float, limit: float) -> float:
        """The seconds until so much more fits, which must not be beyond the limit itself; 0 if it fits now."""
        if self._used(now) + amount <= limit:
            return 0.0
        elapsed = now % WINDOW_SECONDS
        room = limit - amount - self.current
        if room >= 0:  # as soon as enough of the minute before no longer counts
            return WINDOW_SECONDS * (1 - room / self.previous) - elapsed
        room = max(limit - amount, 0)
        return WINDOW_SECONDS * (2 - room / self.current) - elapsed

    def add(self, now: float, amount: float) -> int:
        """Counts so much more; returns the minute in which it was counted."""
        self._roll(now)
        self.current += amount
        return self.index

    def take_back(self, now: float, index: int, amount: float) -> None:
        """Counts so much of that minute no longer."""
        self._roll(now)
        if index == self.index:
            self.current -= amount
        elif index == self.index - 1:
            self.previous -= amount

    def _used(self, now: float) -> float:
        self._roll(now)
        return self.previous * (1 - now % WINDOW_SECONDS / WINDOW_SECONDS) + self.current

    def _roll(self, now: float) -> None:
        index = int(now // WINDOW_SECONDS)
        if index != self.index:
            self.previous = self.current if index == self.index + 1 else 0
            self.index, self.current = index, 0
