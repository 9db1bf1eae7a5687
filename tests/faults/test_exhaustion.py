"""Faults of a process that has no more descriptors (X1): it neither spins nor stays that way."""

import asyncio
import os
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.raw import connection, http, read_answer
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, ask

DESCRIPTORS = 64
CLIENTS = 200


@asynccontextmanager
async def poor_gateway(folder: Path) -> AsyncIterator[tuple[GatewayProcess, Upstream]]:
    """One that may open few descriptors."""
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        async with running_gateway(folder, [{"name": "up", "base_url": upstream.base_url}]) as gateway:
            resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
            yield gateway, upstream


@pytest.mark.case("X1")
async def test_x1_without_descriptors_it_does_not_spin_and_recovers(tmp_path: Path, figures: Figures) -> None:
    async with poor_gateway(tmp_path) as (gateway, _), connection(gateway.port) as (reader, writer):
        writer.write(http("GET", "/healthz"))
        assert (await read_answer(reader))[0] == 200
        with ExitStack() as stack:
            for _ in range(CLIENTS):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", gateway.port))
            await asyncio.sleep(0.5)
            lines, before = len(gateway.lines), cpu_seconds(gateway)
            await asyncio.sleep(2)
            busy = (cpu_seconds(gateway) - before) / 2
            figures.note("X1", "CPU while nothing can be accepted", busy * 100, "%")
            assert busy < 0.2
            assert len(gateway.lines) - lines < 50
            writer.write(http("POST", "/v1/responses", orjson.dumps(REQUEST), key=gateway.key))
            status, _, body = await read_answer(reader)  # who is connected is told that there is no way on
            assert (status, orjson.loads(body)["error"]["code"]) == (503, "upstream_unreachable")
        started = time.monotonic()
        async with asyncio.timeout(WAIT):
            while not await is_answered(gateway):  # noqa: ASYNC110 - the process tells nobody
                await asyncio.sleep(0.05)
        figures.note("X1", "until it answers again", time.monotonic() - started, "s")
        assert "Traceback" not in gateway.output


def cpu_seconds(gateway: GatewayProcess) -> float:
    """What the process has used so far."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def is_answered(gateway: GatewayProcess) -> bool:
    """Whether a request gets its answer."""
    try:
        return (await ask(gateway, REQUEST))[0] == 200
    except (aiohttp.ClientError, OSError):
        return False
