import fcntl
import io
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import orjson
import pytest

from gateway.telemetry import log_output
from gateway.telemetry.log_output import LogOutput
from gateway.telemetry.logs import JSONFormatter

LINE = "x" * 1000


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """One that nobody else listens to."""
    logger = logging.getLogger("gateway.test.output")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers.clear()


@contextmanager
def full_pipe() -> Iterator[tuple[TextIO, int]]:
    """A pipe that nobody reads, and its end to read."""
    reading, writing = os.pipe()
    os.write(writing, bytes(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)))
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield stream, reading
    os.close(reading)


def output_to(stream: TextIO, log: logging.Logger) -> LogOutput:
    output = LogOutput(stream)
    output.setFormatter(JSONFormatter())
    log.addHandler(output)
    return output


def test_lines_arrive_in_order(log: logging.Logger) -> None:
    stream = io.StringIO()
    output = output_to(stream, log)
    for number in range(1000):
        log.info("%d", number)
    output.flush()
    assert [orjson.loads(line)["message"] for line in stream.getvalue().splitlines()] == [*map(str, range(1000))]
    assert output.dropped == 0


def test_nobody_waits_for_a_full_pipe_and_what_was_dropped_is_told(log: logging.Logger) -> None:
    with full_pipe() as (stream, reading):
        output = output_to(stream, log)
        started = time.monotonic()
        for _ in range(6000):
            log.info(LINE)
        assert time.monotonic() - started < 5
        dropped = output.dropped
        assert 1000 < dropped < 4000
        output.flush()  # not for ever
        assert time.monotonic() - started < 10
        taken = read_lines(reading, 6000 - dropped + 1)
    messages = [orjson.loads(line) for line in taken]
    assert [entry["count"] for entry in messages if entry["message"] == "log lines dropped"] == [dropped]
    assert len([entry for entry in messages if entry["message"] == LINE]) == 6000 - dropped


def read_lines(reading: int, number: int) -> list[bytes]:
    """So many lines, without what the pipe was filled with."""
    taken = b""
    while taken.count(b"\n") < number:
        taken += os.read(reading, 1 << 20)
    return taken.lstrip(b"\0").splitlines()


def test_a_reader_that_is_gone_costs_lines_and_nothing_else(log: logging.Logger) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        output = output_to(stream, log)
        log.info("m")
        output.flush()
        assert output.dropped == 1


def test_what_waits_is_bounded(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_output, "_MOST_BYTES", 10_000)
    with full_pipe() as (stream, reading):
        output = output_to(stream, log)
        for _ in range(100):
            log.info(LINE)
        dropped = output.dropped
        assert dropped > 80
        read_lines(reading, 100 - dropped + 1)
