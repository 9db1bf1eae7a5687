"""How soon an upstream hears that a client has left (C1 to C3), directly and through nginx (C6)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import tomli_w

from gateway.codec.json import JSONObject
from tests.fakes.gateway import KEY
from tests.fakes.local_gateway import KEY as SHARED_KEY
from tests.fakes.nginx import running_nginx
from tests.fakes.raw import connection, http
from tests.fakes.service_manager import instance
from tests.fakes.upstream import WAIT, Script, Step, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import FIRST, REQUEST, scene

LEAVING = 100
WHOLE = REQUEST | {"stream": False}


@dataclass(frozen=True, slots=True)
class Phase:
    """When a client leaves."""

    request: JSONObject
    steps: tuple[Step, ...]
    seen: bytes = b""
    """What it has read by then."""


PHASES = {
    "C1": Phase(REQUEST, (FIRST, "hang"), b"output-marker"),
    "C2": Phase(REQUEST, ("hang",)),
    "C3": Phase(WHOLE, ("hang",)),
}


async def delays(port: int, key: str, upstream: Upstream, phase: Phase) -> list[float]:
    """The seconds from each client's leave to the upstream's notice of it, in order of length."""
    upstream.answer(Script(phase.steps))
    return sorted([await delay(port, key, upstream, phase) for _ in range(LEAVING)])


async def delay(port: int, key: str, upstream: Upstream, phase: Phase) -> float:
    number = len(upstream.received)
    async with connection(port) as (reader, writer):
        writer.write(http("POST", "/v1/responses", orjson.dumps(phase.request), key=key))
        received = await upstream.request(number)
        async with asyncio.timeout(WAIT):
            await reader.readuntil(phase.seen) if phase.seen else await asyncio.sleep(0.002)
        left_at = time.monotonic()
        writer.close()
        await received.wait_until_left()
        return time.monotonic() - left_at


@pytest.mark.case("C1", "C2", "C3")
@pytest.mark.parametrize("number", PHASES)
async def test_the_upstream_hears_at_once_that_a_client_has_left(number: str, figures: Figures) -> None:
    async with scene() as place:
        took = await delays(place.gateway.port, SHARED_KEY, place.upstream, PHASES[number])
        figures.note(number, "median", took[LEAVING // 2] * 1000, "ms")
        figures.note(number, "99th percentile", took[LEAVING * 99 // 100 - 1] * 1000, "ms")
        assert took[LEAVING * 9 // 10] < 0.25
        await place.gateway.log.request_line(LEAVING - 1)
        assert {entry["termination"] for entry in place.gateway.log.entries()} == {"client_gone"}


@asynccontextmanager
async def behind_nginx(folder: Path) -> AsyncIterator[tuple[int, Upstream]]:
    """The port of nginx before a gateway on a Unix socket, and the upstream behind it."""
    async with running_upstream() as upstream:
        config = folder / "gateway.toml"
        providers = [{"name": "up", "base_url": upstream.base_url, "breaker_failures": 0}]
        config.write_text(tomli_w.dumps({"providers": providers, "server": {"drain_seconds": 1}}))
        async with instance(folder, config) as gateway:
            with running_nginx(folder / "nginx", "one-instance", [gateway.path]) as nginx:
                yield nginx.port, upstream


@pytest.mark.case("C6")
async def test_through_nginx_the_upstream_hears_it_too(tmp_path: Path, figures: Figures) -> None:
    async with behind_nginx(tmp_path) as (port, upstream):
        for number, phase in PHASES.items():
            took = await delays(port, KEY, upstream, phase)
            figures.note("C6", f"{number}, 99th percentile", took[LEAVING * 99 // 100 - 1] * 1000, "ms")
            assert took[LEAVING * 9 // 10] < 0.5
