"""Ports for the servers of tests.

Several test processes may run at once. Each has a block of ports of its own: it belongs to whoever listens on its first
port, so that no two ever choose the same one, however long a port stays unused until its server starts.
"""

import itertools
import socket
from collections.abc import Iterator
from functools import cache

_BLOCKS = range(12_000, 32_000, 500)
"""Below the ports that Linux gives to outgoing connections."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else is given meanwhile."""
    return next(port for port in _own_ports() if _is_free(port))


@cache
def _own_ports() -> Iterator[int]:
    """The ports of this process, over and over: one that comes again was given long ago."""
    guard = socket.socket()
    for first in _BLOCKS:
        try:
            guard.bind(("127.0.0.1", first))
            guard.listen()
        except OSError:
            continue
        return _with(guard, itertools.cycle(range(first + 1, first + _BLOCKS.step)))
    raise RuntimeError("every block of ports has an owner")


def _with(guard: socket.socket, ports: Iterator[int]) -> Iterator[int]:
    """The ports, while their guard listens."""
    with guard:
        yield from ports


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
