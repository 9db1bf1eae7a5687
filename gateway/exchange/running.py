"""The exchanges under way, so that a shutdown can end them truthfully."""

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline


class RunningExchanges:
    """A list of deadlines: one that expires ends its exchange."""

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._has_expired = False

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, deadline: Deadline) -> None:
        """An exchange begins; one that comes after the end of all fails at once."""
        self._deadlines.add(deadline)
        if self._has_expired:
            deadline.expire(shutting_down())

    def remove(self, deadline: Deadline) -> None:
        """It is over."""
        self._deadlines.discard(deadline)

    def expire(self) -> None:
        """Fails every exchange that is under way or is still to come."""
        self._has_expired = True
        for deadline in self._deadlines:
            deadline.expire(shutting_down())


def shutting_down() -> GatewayError:
    """The error of what the end of the process ends."""
    return GatewayError(ErrorKind.SHUTTING_DOWN, "The gateway is shutting down.")
