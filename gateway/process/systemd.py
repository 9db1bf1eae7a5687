"""What systemd and the process tell each other: notices to its manager, and sockets that it was started with.

Both are a few lines of protocol (sd_notify(3), sd_listen_fds(3)). Where no manager listens nothing happens.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_FIRST_DESCRIPTOR = 3


class ServiceManager:
    """The service manager, as the environment names it.

    Args:
        environment: with `NOTIFY_SOCKET`, and `WATCHDOG_USEC` where it wants to hear from the event loop.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog_seconds = _watchdog_seconds(environment)

    def ready(self, status: str) -> None:
        """The process takes requests: for the first time, or again after `reloading`."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Reloading.")

    def stopping(self, status: str) -> None:
        """The process takes no more requests."""
        self._tell("STOPPING=1", f"STATUS={status}")

    @asynccontextmanager
    async def assured(self) -> AsyncIterator[None]:
        """While the block runs, the manager hears that the event loop turns: one that hangs is restarted by it."""
        if not self._watchdog_seconds:
            yield
            return
        task = asyncio.create_task(self._assure(self._watchdog_seconds / 2), name="feed the watchdog")
        try:
            yield
        finally:
            task.cancel()

    async def _assure(self, interval: float) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(interval)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # The "@" stands for the null byte that begins a name which is no path.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            fields = {"notice": lines[0], "reason": error.strerror}
            _log.warning("the service manager did not take a notice", extra={"fields": fields})


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """How long the manager waits; 0 where it does not, or means another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    return int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000


@dataclass(frozen=True, slots=True)
class Inherited:
    """Sockets that listen already."""

    public: tuple[socket.socket, ...] = ()
    admin: tuple[socket.socket, ...] = ()
    """Those with the name "admin" (`FileDescriptorName=`)."""


def inherited_sockets(environment: MutableMapping[str, str]) -> Inherited:
    """The sockets that the process was started with, if it was; the environment does not tell of them afterwards.

    Args:
        environment: with `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`.
    """
    process = environment.pop("LISTEN_PID", "")
    count = int(environment.pop("LISTEN_FDS", "0"))
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if process != str(os.getpid()):
        return Inherited()
    names += [""] * (count - len(names))
    named = [(name, _socket(_FIRST_DESCRIPTOR + index)) for index, name in enumerate(names[:count])]
    return Inherited(
        public=tuple(each for name, each in named if name != "admin"),
        admin=tuple(each for name, each in named if name == "admin"),
    )


def _socket(descriptor: int) -> socket.socket:
    inherited = socket.socket(fileno=descriptor)
    inherited.set_inheritable(False)
    inherited.setblocking(False)
    return inherited
