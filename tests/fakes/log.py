"""What a gateway has logged, as tests ask for it, and what every log must keep: no secret, no unexpected error."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from gateway.codec.json import JSONObject
from gateway.telemetry.logs import JSONFormatter
from tests.fakes.upstream import WAIT


@dataclass(slots=True)
class Log:
    """The lines that somebody writes, from a certain one on."""

    written: list[str] = field(default_factory=list)
    """All of them; it grows."""
    since: int = 0
    allowed_errors: set[str] = field(default_factory=set)
    """Messages of lines above INFO that the test expects."""

    @property
    def lines(self) -> list[str]:
        """The lines as they are."""
        return self.written[self.since :]

    def entries(self, message: str = "request") -> list[JSONObject]:
        """The lines with that message."""
        return [entry for line in self.lines if (entry := orjson.loads(line))["message"] == message]

    async def request_line(self, number: int = 0) -> JSONObject:
        """The line of the request of that number, which may be a moment behind the answer."""
        async with asyncio.timeout(WAIT):
            while True:
                if len(entries := self.entries()) > number:
                    return entries[number]
                await asyncio.sleep(0.005)

    def check(self, secrets: Iterable[str]) -> None:
        """Hold the log to what it must keep, whatever happened."""
        text = "\n".join(self.lines)
        for secret in secrets:
            assert secret not in text, text
        loud = [entry for line in self.lines if (entry := orjson.loads(line))["level"] not in ("INFO", "DEBUG")]
        assert [entry for entry in loud if entry["message"] not in self.allowed_errors] == []


class _Handler(logging.Handler):
    """Keeps each line as the process would write it."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(JSONFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self._log.written.append(self.format(record))


@contextmanager
def captured_log() -> Iterator[Log]:
    """Keeps what this process logs while the block runs."""
    root, log = logging.getLogger(), Log()
    level, handler = root.level, _Handler(log)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
