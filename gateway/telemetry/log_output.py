"""Where log lines go, without anybody waiting for them: a full pipe or a stuck journal must not stop the streams.

Lines are handed to a thread, which writes all that have come in a moment at once. What does not fit while nobody takes
them is dropped and counted, and a line tells how many were.
"""

import io
import logging
import os
import threading
import time
from collections import deque
from contextlib import nullcontext
from typing import TextIO

_MOST_BYTES = 4 * 1024 * 1024
"""Of lines that wait."""

_GATHER_SECONDS = 0.02
"""How long the thread lets lines come together: one write for each would cost more than the line."""

_LAST_SECONDS = 1.0
"""How long the end of the process waits for the last lines to be taken."""


class LogOutput(logging.Handler):
    """Writes to a stream from a thread of its own.

    Args:
        stream: takes whole lines. Its descriptor is written to, where it has one: a thread that is stuck in the
            stream's own lock would make the end of the process a crash.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self._descriptor = _descriptor_of(stream)
        self._lines: deque[bytes] = deque()
        # Of the callers, one at a time:
        self._put_bytes = 0
        self._refused = 0
        # Of the thread:
        self._taken_bytes = 0
        self._lost = 0
        self._told = 0
        self._wanted = threading.Event()
        self._is_idle = threading.Event()
        self._is_idle.set()
        threading.Thread(target=self._run, name="log output", daemon=True).start()

    @property
    def dropped(self) -> int:
        """How many lines were not written."""
        return self._refused + self._lost

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line, or count it as dropped; returns at once.

        In the place of that of the base class and its `emit`, without their calls for filters, of which there are none.
        """
        try:
            line = self._encoded(record)
        except Exception:  # noqa: BLE001 - as in every handler of the standard library
            self.handleError(record)
            return True
        with self.lock or nullcontext():
            if self._put_bytes - self._taken_bytes + len(line) > _MOST_BYTES:
                self._refused += 1
                return True
            self._put_bytes += len(line)
            self._lines.append(line)
        if not self._wanted.is_set():
            self._wanted.set()
        return True

    def flush(self) -> None:
        """Wait until all lines are written, but not for ever."""
        deadline = time.monotonic() + _LAST_SECONDS
        while (self._lines or not self._is_idle.is_set()) and time.monotonic() < deadline:
            time.sleep(_GATHER_SECONDS / 10)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            time.sleep(_GATHER_SECONDS)
            self._is_idle.clear()
            self._wanted.clear()
            self._write_all()
            self._is_idle.set()

    def _write_all(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            self._write(lines)
            self._taken_bytes += sum(map(len, lines))
            if count := self._refused - self._told:
                self._told += count
                self._write([self._encoded(_dropped(count))])

    def _write(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        try:
            if self._descriptor is None:
                self.stream.write(data.decode())
                return
            while data:
                data = data[os.write(self._descriptor, data) :]
        except (OSError, ValueError):  # whoever read has gone, and with it the only place to say so
            self._lost += len(lines)

    def _encoded(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode("utf-8", "backslashreplace")


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except io.UnsupportedOperation:  # it is in memory
        return None


def _dropped(count: int) -> logging.LogRecord:
    fields = {"fields": {"count": count}}
    return logging.makeLogRecord(
        {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": "log lines dropped", **fields}
    )
