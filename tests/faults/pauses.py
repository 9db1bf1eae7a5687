"""How long a gateway keeps a small request waiting: what everybody else notices of somebody's fault."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_PROBE = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"
_PAUSE_SECONDS = 0.001


@dataclass(slots=True)
class Pause:
    """What was seen so far."""

    longest: float = 0.0
    """In seconds."""


@contextmanager
def watched(port: int) -> Iterator[Pause]:
    """Asks for `/healthz` again and again while the block runs; the longest wait is the pause of the event loop."""
    pause, over = Pause(), threading.Event()
    with socket.create_connection(("127.0.0.1", port)) as client:
        _ask(client)
        thread = threading.Thread(target=_watch, args=(client, pause, over), daemon=True)
        thread.start()
        try:
            yield pause
        finally:
            over.set()
            thread.join()


def _watch(client: socket.socket, pause: Pause, over: threading.Event) -> None:
    while not over.is_set():
        started = time.monotonic()
        _ask(client)
        pause.longest = max(pause.longest, time.monotonic() - started)
        time.sleep(_PAUSE_SECONDS)


def _ask(client: socket.socket) -> None:
    client.sendall(_PROBE)
    answer = b""
    while not answer.endswith(b"}"):
        answer += client.recv(4096)
