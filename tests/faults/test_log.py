"""Faults of whoever reads the log (X3): it stops, and the gateway goes on."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tomli_w

from tests.fakes.gateway import KEY, GatewayProcess
from tests.fakes.ports import free_port
from tests.fakes.raw import connection, http, read_answer
from tests.faults import pauses
from tests.faults.figures import Figures

REQUESTS = 12_000
PATH = "/v1/" + "x" * 190


@contextmanager
def unread_gateway(folder: Path, admin_port: int) -> Iterator[tuple[GatewayProcess, int]]:
    """A gateway whose stderr is a small pipe that nobody reads, and the end to read."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    (folder / "gateway.toml").write_text(tomli_w.dumps({"admin": {"port": admin_port}}))
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(folder / "gateway.toml"), "--port", str(port)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"GATEWAY_API_KEYS": KEY},
        stderr=writing,
    )
    os.close(writing)
    gateway = GatewayProcess(process, port)
    try:
        gateway.wait_until_ready()
        yield gateway, reading
    finally:
        gateway.stop(signal.SIGKILL)
        os.close(reading)


async def ask_often(port: int, number: int) -> None:
    """So many requests on one connection; each has a line in the log."""
    async with connection(port) as (reader, writer):
        for _ in range(number // 100):
            writer.write(http("GET", PATH, key=KEY) * 100)
            for _ in range(100):
                assert (await read_answer(reader))[0] == 404


async def dropped(admin_port: int) -> float:
    """What the metric says."""
    with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{admin_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("gateway_log_lines_dropped "))


@pytest.mark.alone
@pytest.mark.case("X3")
async def test_nobody_reads_the_log_and_requests_go_on(tmp_path: Path, figures: Figures) -> None:
    admin_port = free_port()
    with unread_gateway(tmp_path, admin_port) as (gateway, reading):
        with pauses.watched(gateway.port) as pause:
            await ask_often(gateway.port, REQUESTS)
        figures.note("X3", "longest pause with a full pipe", pause.longest * 1000, "ms")
        assert pause.longest < 1
        assert 0 < (lost := await dropped(admin_port)) < REQUESTS
        read = asyncio.create_task(asyncio.to_thread(read_until, reading, b'"log lines dropped"'))
        told = await read
        assert b'"count":%d' % lost in told
        assert KEY.encode() not in told


def read_until(reading: int, end: bytes) -> bytes:
    """What comes up to the line with these bytes."""
    taken = b""
    while end not in taken or not taken.endswith(b"\n"):
        taken += os.read(reading, 65536)
    return taken


@pytest.mark.case("X3")
async def test_a_process_whose_log_nobody_reads_ends_when_asked(tmp_path: Path) -> None:
    with unread_gateway(tmp_path, free_port()) as (gateway, _):
        await ask_often(gateway.port, 500)
        started = time.monotonic()
        assert await asyncio.to_thread(gateway.stop) == 0
        assert time.monotonic() - started < 6
