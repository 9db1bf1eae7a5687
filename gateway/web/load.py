"""What the process as a whole bears: beyond its caps a request is turned away at once, so that those under way go on.

    with load.answering(limits): ...

Bodies are counted as they arrive, decompressed, until their request is over: what was read of them lives as long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import LimitsSettings
from gateway.web.open_streams import OpenStreams

_RETRY_SECONDS = 1.0
_SAMPLE_SECONDS = 0.25
"""To add the buffers up takes a look at every stream."""

STREAMS, BUFFERED, BODIES = "max_open_streams", "max_buffered_bytes", "max_body_bytes_in_flight"


class Load:
    """What the process has at once.

    Args:
        streams: whose buffers count.
        on_refusal: called with the name of the cap that refused a request.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        streams: OpenStreams,
        on_refusal: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._on_refusal = on_refusal
        self._clock = clock
        self._buffered = 0
        self._sample_at = 0.0
        self.answers = 0
        """Under way, streamed or not."""
        self.body_bytes = 0

    def enter(self, limits: LimitsSettings) -> None:
        """One more answer is under way, until `leave`.

        Raises:
            GatewayError: OVERLOADED.
        """
        if limits.max_open_streams and self.answers >= limits.max_open_streams:
            raise self._refusal(STREAMS)
        if limits.max_buffered_bytes and self._buffered_bytes() >= limits.max_buffered_bytes:
            raise self._refusal(BUFFERED)
        self.answers += 1

    def leave(self) -> None:
        """One answer is over."""
        self.answers -= 1

    @contextmanager
    def answering(self, limits: LimitsSettings) -> Iterator[None]:
        """One more answer is under way while the block runs.

        Raises:
            GatewayError: OVERLOADED, when the block is entered.
        """
        self.enter(limits)
        try:
            yield
        finally:
            self.leave()

    def check_body(self, size: int, limits: LimitsSettings) -> None:
        """Raises GatewayError, OVERLOADED, when there is no room for a body of this size."""
        if limits.max_body_bytes_in_flight and self.body_bytes + size > limits.max_body_bytes_in_flight:
            raise self._refusal(BODIES)

    def _buffered_bytes(self) -> int:
        if (now := self._clock()) >= self._sample_at:
            self._sample_at = now + _SAMPLE_SECONDS
            self._buffered = self._streams.buffered_bytes()
        return self._buffered

    def _refusal(self, cap: str) -> GatewayError:
        self._on_refusal(cap)
        message = "The gateway has as much to do as it can bear. Please try again in a moment."
        return GatewayError(ErrorKind.OVERLOADED, message, retry_after=_RETRY_SECONDS, limit=cap)


class HeldBody:
    """The body of one request, as long as what was read of it lives."""

    __slots__ = ("_limits", "_load", "_size")

    def __init__(self, load: Load, limits: LimitsSettings) -> None:
        self._load = load
        self._limits = limits
        self._size = 0

    def expect(self, size: int) -> None:
        """So much will come. Raises GatewayError, OVERLOADED, when there is no room for it."""
        self._load.check_body(size, self._limits)

    def take(self, size: int) -> None:
        """So much has come. Raises GatewayError, OVERLOADED, when there is no room for it."""
        self._load.check_body(size, self._limits)
        self._load.body_bytes += size
        self._size += size

    def free(self) -> None:
        """Nobody needs it any more."""
        self._load.body_bytes -= self._size
        self._size = 0
