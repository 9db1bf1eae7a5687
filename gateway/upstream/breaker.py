"""The circuit breaker of one upstream: after failures it is left alone for a while, then asked once to see.

Pure: the clock is an argument. What counts as a failure is for the caller to say.
"""

from collections import deque
from collections.abc import Callable


class Breaker:
    """Closed at first. Opens after failures, half-opens for one probe after the cool-down, closes with a success.

    Args:
        failures: so many failures open it; 0 for never.
        window: seconds within which they come, with no success between them.
        cooldown: seconds until the probe.
        clock: seconds that only grow.
    """

    def __init__(self, *, failures: int, window: float, cooldown: float, clock: Callable[[], float]) -> None:
        self._failures = failures
        self._window = window
        self._cooldown = cooldown
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=failures)
        self._probe_at: float | None = None
        self._is_probing = False
        self.openings = 0
        """How often it has opened, or stayed open after a probe."""

    @property
    def is_open(self) -> bool:
        """Whether the upstream is left alone, or probed."""
        return self._probe_at is not None

    def wait(self) -> float:
        """The seconds until a request may pass; 0 if it may pass now. After the probe began there is no telling."""
        if self._probe_at is None:
            return 0.0
        return self._cooldown if self._is_probing else max(0.0, self._probe_at - self._clock())

    def enter(self) -> bool:
        """Takes note of a request that is sent, as `wait` allows; says whether it is the probe."""
        self._is_probing = self._probe_at is not None
        return self._is_probing

    def abandon(self) -> None:
        """The probe ended without telling anything: the next request is one."""
        self._is_probing = False

    def succeed(self) -> None:
        """The upstream answered: whatever was, it works."""
        self._recent.clear()
        self._probe_at, self._is_probing = None, False

    def fail(self) -> None:
        """The upstream failed. What fails while it is left alone was sent before, and says nothing new."""
        if not self._failures or (self._probe_at is not None and not self._is_probing):
            return
        now = self._clock()
        self._recent.append(now)
        is_much = len(self._recent) == self._failures and now - self._recent[0] <= self._window
        if is_much or self._is_probing:
            self._probe_at, self._is_probing = now + self._cooldown, False
            self.openings += 1
