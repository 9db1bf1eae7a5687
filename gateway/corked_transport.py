"""A transport that sends once in a step of the loop, whatever is written to it.

A write to a socket wakes whoever sleeps at its other end, and where that is on another core, waking costs more than the
write. Hundreds of streams may have a word to send in one step: when all of them are written at its end, one after the
other, most find the other end awake. An answer whose head, words and end are there at once goes out in one piece.
"""

import asyncio
from collections import deque
from typing import Any

_MOST_HELD = 16_384
"""Bytes that a transport holds back; beyond, its own limits have to count, which make a sender wait."""


_NO_EXTRA: dict[str, Any] = {}
"""What a transport of asyncio has by the way, and which is asked of the one inside here: shared, as it stays empty."""


class Cork:
    """Holds transports of one loop back until the end of its step.

    Args:
        loop: the loop that all of them belong to.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: deque[CorkedTransport] = deque()

    def hold(self, transport: "CorkedTransport") -> None:
        """Has this transport send what it holds when what is ready now has had its turn."""
        if not self._held:
            self._loop.call_soon(self._pull)
        self._held.append(transport)

    def _pull(self) -> None:
        held = self._held
        try:
            while held:
                held.popleft().uncork()
        finally:
            if held:  # one of them has failed, which the loop reports; the others must not lose their words by it
                self._loop.call_soon(self._pull)


class CorkedTransport(asyncio.Transport):
    """The transport of a connection, corked: all but writing is left to the one inside.

    Args:
        transport: the one that sends.
        cork: what it has in common with the other connections of its loop.
    """

    __slots__ = ("_cork", "_held", "_transport")

    def __init__(self, transport: asyncio.Transport, cork: Cork) -> None:
        super().__init__(_NO_EXTRA)
        self._transport = transport
        self._cork = cork
        self._held = b""

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Sends the bytes at the end of the loop's step, or now if they are many."""
        if held := self._held:
            self._held = held = held + data
        else:
            self._held = held = bytes(data)
            self._cork.hold(self)
        if len(held) > _MOST_HELD:
            self.uncork()

    def uncork(self) -> None:
        """Sends what is held back."""
        if held := self._held:
            self._held = b""
            if not self._transport.is_closing():
                self._transport.write(held)

    def close(self) -> None:
        self.uncork()
        self._transport.close()

    def abort(self) -> None:
        self._held = b""
        self._transport.abort()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        self.uncork()
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size() + len(self._held)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)
