"""How long a gateway keeps a small request waiting: what everybody else notices of somebody's fault.

A process of its own asks: a thread of the test would wait for the test too.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_PROBE = """
import socket, sys, threading, time
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
longest = 0.0
def ask():
    client.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: gateway\\r\\n\\r\\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += client.recv(4096)
ask()
print("ready", flush=True)
while not over.is_set():
    started = time.monotonic()
    ask()
    longest = max(longest, time.monotonic() - started)
    time.sleep(0.001)
print(longest, flush=True)
"""


@dataclass(slots=True)
class Pause:
    """What was seen, once it is over."""

    longest: float = 0.0
    """In seconds."""


@contextmanager
def watched(port: int) -> Iterator[Pause]:
    """Asks for `/healthz` again and again while the block runs; the longest wait is the pause of the event loop."""
    pause = Pause()
    command = [sys.executable, "-I", "-S", "-c", _PROBE, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as probe:
        try:
            assert probe.stdout is not None
            assert probe.stdout.readline() == "ready\n"
            yield pause
            told, _ = probe.communicate(timeout=30)
            pause.longest = float(told)
        finally:
            probe.kill()
