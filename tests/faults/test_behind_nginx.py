"""Doubtful requests through the shipped nginx (H1): whatever nginx makes of them, the gateway reads no other request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import tomli_w

from tests.fakes import chat
from tests.fakes.gateway import KEY
from tests.fakes.local_gateway import KEY as LOCAL_KEY
from tests.fakes.nginx import running_nginx
from tests.fakes.raw import connection, http, read_answer
from tests.fakes.service_manager import Instance, instance
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.faults.smuggling import SMUGGLING

PATIENCE = 0.5
"""Seconds after which an answer that has not come will not come: some payloads are heads without an end."""


@dataclass(slots=True)
class Place:
    """nginx and the gateway behind it."""

    port: int
    gateway: Instance

    async def lines_with(self, number: int, path: str) -> list[dict[str, object]]:
        """All lines of requests that the gateway has read, once so many of them are for the path."""
        async with asyncio.timeout(WAIT):
            while True:
                lines = self._lines()
                if [line["path"] for line in lines].count(path) == number:
                    return lines
                await asyncio.sleep(0.01)

    def _lines(self) -> list[dict[str, object]]:
        process = self.gateway.process
        assert process is not None
        entries = [orjson.loads(line) for line in process.lines if line.startswith("{")]
        return [entry for entry in entries if entry["message"] == "request"]


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        config = folder / "gateway.toml"
        config.write_text(tomli_w.dumps({"providers": [{"name": "up", "base_url": upstream.base_url}]}))
        async with instance(folder, config) as gateway:
            with running_nginx(folder / "nginx", "one-instance", [gateway.path]) as nginx:
                yield Place(nginx.port, gateway)


async def sent(port: int, payload: bytes) -> None:
    """Sends the payload, and waits for what nginx makes of it."""
    async with connection(port) as (reader, writer):
        writer.write(payload.replace(LOCAL_KEY.encode(), KEY.encode()))
        try:
            async with asyncio.timeout(PATIENCE):
                while await reader.read(65536):
                    pass
        except (TimeoutError, ConnectionResetError):
            return


@pytest.mark.case("H1")
async def test_h1_through_nginx_no_request_is_read_that_nginx_has_not_read(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await asyncio.gather(*(sent(here.port, payload) for payload in SMUGGLING.values()))
        async with connection(here.port) as (reader, writer):
            for _ in range(20):  # over every connection that nginx keeps, poisoned or not
                writer.write(http("GET", "/v1/models/none", key=KEY))
                status, _, body = await read_answer(reader)
                assert (status, b"none" in body) == (404, True)
        lines = await here.lines_with(20, "/v1/models/none")
        # nginx gives each request that it reads an id; the gateway makes one for any other, which begins so.
        assert [line for line in lines if str(line["request_id"]).startswith("req_")] == []
