"""A reload while streams are open: of keys, providers, aliases and all that is not bound to the start."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from gateway.access.issuing import add_key, revoke_key
from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import KEY, GatewayProcess, running_gateway
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.official import check_stream

STREAMS = 100
SLOW = Script.of(
    chat.chunk({"content": "a"}), *[step for _ in range(20) for step in (0.1, chat.chunk({"content": "b"}))]
)


@dataclass(slots=True)
class Place:
    """A gateway process, its configuration, and two upstreams, of which it knows the first."""

    gateway: GatewayProcess
    folder: Path
    first: Upstream
    second: Upstream

    def write(self, upstream: Upstream, **tables: object) -> None:
        """Another configuration, in one step: a reload may be under way."""
        new = self.folder / "gateway.toml.new"
        new.write_text(tomli_w.dumps(configuration(upstream) | tables))
        new.replace(self.folder / "gateway.toml")

    async def hup(self, line: str = '"configuration loaded"') -> None:
        """Asks for a reload and waits for what the log says of it."""
        since = len(self.gateway.lines)
        self.gateway.process.send_signal(signal.SIGHUP)
        await self.gateway.wait_for_line(line, since=since)


def configuration(upstream: Upstream) -> JSONObject:
    return {"providers": [{"name": "up", "base_url": upstream.base_url}], "server": {"drain_seconds": 1}}


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with running_upstream() as first, running_upstream() as second:
        first.answer(Script.of(chat.text_stream("first")))
        second.answer(Script.of(chat.text_stream("second")))
        providers = configuration(first)["providers"]
        async with running_gateway(folder, providers) as gateway:
            yield Place(gateway, folder, first, second)
            assert gateway.process.poll() is None
            assert "Traceback" not in gateway.output


async def answer_of(gateway: GatewayProcess, key: str = KEY, model: str = "up/model") -> tuple[int, str]:
    """The status and the text of a streamed answer, which is checked."""
    request = {"model": model, "input": "Hi", "stream": True}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{gateway.base_url}/responses", json=request) as answer,
    ):
        body = await answer.read()
        if answer.status != 200:
            return answer.status, ""
        response = check_stream(body).response
        assert response["status"] == "completed"
        return 200, response["output"][0]["content"][0]["text"]


@pytest.mark.case("T2")
async def test_no_stream_is_dropped_by_a_reload_of_keys_and_providers(tmp_path: Path) -> None:
    old_key = add_key(tmp_path / "keys.toml", "old")
    async with place(tmp_path) as here:
        here.first.answer(Script.of(*SLOW.steps, chat.text_stream("!")))
        streams = [asyncio.create_task(answer_of(here.gateway, old_key)) for _ in range(STREAMS)]
        await here.first.request(STREAMS - 1)
        new_key = add_key(tmp_path / "keys.toml", "new")
        revoke_key(tmp_path / "keys.toml", "old")
        here.write(here.second, models=[{"id": "coder", "targets": ["up/model"]}])
        await here.hup()
        reloaded = time.monotonic()
        assert await answer_of(here.gateway, new_key, "coder") == (200, "second")
        assert (await answer_of(here.gateway, old_key))[0] == 401
        assert time.monotonic() - reloaded < WAIT
        assert not any(stream.done() for stream in streams)
        assert set(await asyncio.gather(*streams)) == {(200, "a" + "b" * 20 + "!")}
        assert len(here.first.received) == STREAMS
        assert not any(received.left.is_set() for received in here.first.received)


@pytest.mark.case("T3")
async def test_a_broken_file_changes_nothing_and_the_log_says_why(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for text in ("[server\n", "[server]\nprot = 1\n", '[[providers]]\nname = "up"\nbase_url = "${NOT_SET}"\n'):
            (tmp_path / "gateway.toml").write_text(text)
            await here.hup("configuration refused, the old one stays")
            assert await answer_of(here.gateway) == (200, "first")
        (tmp_path / "gateway.toml").unlink()
        await here.hup("cannot be read")
        here.write(here.second)
        (tmp_path / "keys.toml").write_text("[[keys]\n")
        await here.hup("configuration refused, the old one stays")
        assert await answer_of(here.gateway) == (200, "first")


@pytest.mark.case("L8")
async def test_a_thousand_reloads_under_load_drop_nothing_and_grow_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        asked = asyncio.create_task(keep_asking(here.gateway))
        await reload_often(here, 200)
        memory, descriptors = taken_by(here.gateway.process.pid)
        await reload_often(here, 800)
        assert not asked.done()
        asked.cancel()
        memory_after, descriptors_after = taken_by(here.gateway.process.pid)
        assert memory_after - memory < 8 * 2**20
        assert descriptors_after - descriptors < 20


def taken_by(process_id: int) -> tuple[int, int]:
    """The resident memory in bytes, and the number of open descriptors."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path(f"/proc/{process_id}/fd").iterdir()))


async def reload_often(here: Place, times: int) -> None:
    """Between two configurations, so that each makes connections of its own."""
    for number in range(times):
        if number % 20 == 0:
            here.write(here.second if number % 40 else here.first)
        here.gateway.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.002)
    await here.hup()


async def keep_asking(gateway: GatewayProcess) -> None:
    while True:
        status, text = await answer_of(gateway)
        assert status == 200
        assert text in ("first", "second")
