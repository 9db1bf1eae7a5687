"""Faults of the process's life (L): it is asked to end with streams open, configured wrongly, its clock is set."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests import debian
from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.raw import connection, http, read_answer
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, stream_of

STREAMS = 100
DRAIN_SECONDS = 1.5


@asynccontextmanager
async def draining(folder: Path, **members: object) -> AsyncIterator[tuple[GatewayProcess, Upstream]]:
    async with running_upstream() as upstream:
        providers = [{"name": "up", "base_url": upstream.base_url, **members}]
        sections = {"server": {"drain_seconds": DRAIN_SECONDS, "heartbeat_seconds": 0.3}}
        async with running_gateway(folder, providers, sections=sections) as gateway:
            yield gateway, upstream


@pytest.mark.case("L1")
async def test_l1_with_a_hundred_streams_open_term_is_told_at_once_and_each_gets_an_end(
    tmp_path: Path, figures: Figures
) -> None:
    async with draining(tmp_path) as (gateway, upstream), connection(gateway.port) as (reader, writer):
        words = Script.of(chat.chunk({"content": "a"}), 0.5, chat.text_stream("b"))
        upstream.respond(
            lambda body: words if "short" in str(body) else Script.of(chat.chunk({"content": "a"}), "hang")
        )
        inputs = ["short" if number % 2 else "endless" for number in range(STREAMS)]
        streams = [asyncio.create_task(stream_of(gateway, REQUEST | {"input": text})) for text in inputs]
        await upstream.request(STREAMS - 1)
        writer.write(http("GET", "/readyz"))
        assert (await read_answer(reader))[0] == 200
        asked_at = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        figures.note("L1", "until /readyz is 503", await seconds_until_not_ready(reader, writer) * 1000, "ms")
        ends = [(await stream).response for stream in streams]
        assert [end["status"] for end in ends] == ["failed", "completed"] * (STREAMS // 2)
        assert {end["error"]["message"] for end in ends[::2]} == {"The gateway is shutting down."}
        writer.close()
        async with asyncio.timeout(WAIT):
            while gateway.process.poll() is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        assert gateway.process.returncode == 0
        assert time.monotonic() - asked_at < DRAIN_SECONDS + 5
        endings = [line for line in gateway.lines if '"termination"' in line]
        assert len([line for line in endings if '"drained"' in line]) == STREAMS // 2


async def seconds_until_not_ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    """Asks over the connection that is open; the answer that says no closes it."""
    started = time.monotonic()
    while True:
        writer.write(http("GET", "/readyz"))
        status, _, _ = await read_answer(reader)
        if status == 503:
            return time.monotonic() - started


PROVIDER = '[[providers]]\nname = "up"\nbase_url = "http://127.0.0.1:1/v1"\n'
ALIAS = '[[models]]\nid = "coder"\n'
WRONG = {
    "[server\n": "TOML",
    "[server]\nport = = 1\n": "TOML",
    "[server]\nport = 1\nport = 2\n": "TOML",
    "\udcff": "UTF-8",
    "[servr]\n": "servr",
    "[server]\nprot = 1\n": "server.prot",
    "[server]\nport = 70000\n": "server.port",
    "[server]\nport = -1\n": "server.port",
    '[server]\nport = "80"\n': "server.port",
    '[server]\nhost = ""\n': "server.host",
    "[server]\nmax_body_bytes = 0\n": "server.max_body_bytes",
    "[server]\nbody_timeout_seconds = -1\n": "server.body_timeout_seconds",
    "[server]\nbody_timeout_seconds = nan\n": "server.body_timeout_seconds",
    '[server]\nheartbeat = "loud"\n': "server.heartbeat",
    "[server]\nreuse_port = 1\n": "server.reuse_port",
    '[logging]\nlevel = "loud"\n': "logging.level",
    '[translation]\nmode = "half"\n': "translation.mode",
    '[state]\nbackend = "mysql"\n': "state.backend",
    "[auth]\nreload_seconds = 0\n": "auth.reload_seconds",
    "providers = 1\n": "providers",
    '[[providers]]\nname = "a/b"\nbase_url = "http://h"\n': "providers[0].name",
    '[[providers]]\nname = "a"\n': "providers[0].base_url",
    '[[providers]]\nname = "a"\nbase_url = "ftp://h"\n': "providers[0].base_url",
    '[[providers]]\nname = "a"\nbase_url = "http://user:word@h"\n': "providers[0].base_url",
    PROVIDER + PROVIDER: "providers[1].name",
    PROVIDER + 'api_key = "${NOT_SET_ANYWHERE}"\n': "NOT_SET_ANYWHERE",
    PROVIDER + 'ca_file = "/nonexistent.pem"\n': "providers[0].ca_file",
    PROVIDER + 'dialect = "vlm"\n': "providers[0].dialect",
    PROVIDER + '[providers.quirks]\nthink_tags = "maybe"\n': "providers[0].quirks.think_tags",
    PROVIDER + "connect_timeout_seconds = true\n": "providers[0].connect_timeout_seconds",
    ALIAS + 'targets = ["nobody/m"]\n': "models[0].targets[0]",
    PROVIDER + ALIAS + "targets = []\n": "models[0].targets",
}


@pytest.mark.case("L6")
@pytest.mark.parametrize(("text", "named"), WRONG.items(), ids=range(len(WRONG)))
def test_l6_a_wrong_configuration_is_told_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(file), "--port", "0"]
    environment = os.environ | {"GATEWAY_API_KEYS": "key"}
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=debian.ROOT, env=environment, capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert done.returncode == 78, done.stderr
    assert named in done.stderr
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
    assert "word" not in done.stderr.replace("keyword", "")
    assert time.monotonic() - started < 8


@pytest.mark.case("L7")
async def test_l7_a_clock_that_is_set_changes_no_limit(tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0s\n")
    variables = {
        "LD_PRELOAD": str(debian.library("faketime", "libfaketime.so.1")),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with running_upstream() as upstream:
        providers = [{"name": "up", "base_url": upstream.base_url, "idle_timeout_seconds": 1.5}]
        async with running_gateway(tmp_path, providers, environment=variables) as gateway:
            for shift in ("+3600s", "-3600s"):
                upstream.answer(Script.of(chat.chunk({"content": "a"}), "hang"))
                number = len(upstream.received)
                started = time.monotonic()
                stream = asyncio.create_task(stream_of(gateway))
                await upstream.request(number)
                offset.write_text(f"{shift}\n")
                failed = (await stream).response
                assert failed["error"]["message"] == "The upstream was silent for too long."
                assert 1 < time.monotonic() - started < 4
                upstream.answer(Script.of(chat.text_stream("Hi")))
                answered = (await stream_of(gateway)).response
                assert answered["status"] == "completed"
                assert abs(answered["created_at"] - time.time() - int(shift.rstrip("s"))) < 60
