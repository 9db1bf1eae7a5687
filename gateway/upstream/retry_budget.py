"""How many tries again one upstream gets: a share of its requests, so that trouble is not multiplied."""

_RESERVE = 3.0
"""Tries that a quiet upstream has at hand: a share of nothing would be nothing."""


class RetryBudget:
    """A bucket that each request fills by a share of a try, and each try again empties by a whole one.

    Args:
        share: tries again for each request.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = _RESERVE if share else 0.0

    def earn(self) -> None:
        """A request came."""
        self._tokens = min(_RESERVE, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether there is a try left, which is then gone."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
