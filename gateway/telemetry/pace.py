"""How an answer flowed: when its first words went out, and how long the pauses between its pieces were.

One stream has thousands of pieces, so a pause is only sorted into its place here: 0.3 us. What counts them all for
the metrics takes the sums when the stream is over.
"""

import time
from bisect import bisect_left

GAP_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds: a good stream has 10 to 50 ms, and a second is what a reader notices."""


class Pace:
    """The pieces of one answer, as they went to the client."""

    __slots__ = ("_began", "_last", "first_at", "gaps")

    def __init__(self) -> None:
        self.first_at: float | None = None
        """When the first words went out, on the monotonic clock; None as long as there are none."""
        self.gaps = [0] * (len(GAP_BOUNDS) + 1)
        """How many pauses were at most as long as each bound, and longer than the one before it; then the rest."""
        self._began = 0.0
        self._last: float | None = None

    @property
    def total(self) -> float:
        """The seconds of all pauses together."""
        return 0.0 if self._last is None else self._last - self._began

    def note(self, now: float) -> None:
        """A piece goes out now, on any clock that only grows, the same for all pieces of the answer."""
        if self._last is None:
            self.first_at = time.monotonic()
            self._began = now
        else:
            self.gaps[bisect_left(GAP_BOUNDS, now - self._last)] += 1
        self._last = now
