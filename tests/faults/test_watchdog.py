"""An event loop that hangs for good (L5): the service manager hears nothing of it, and starts another process."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from tests.fakes import chat
from tests.fakes.gateway import KEY
from tests.fakes.upstream import WAIT, Script, running_upstream
from tests.fakes.watchdog import Watched, watched
from tests.faults.figures import Figures
from tests.official import check_stream

SECONDS = 2.0
"""Instead of the unit's 20; a busy machine must not seem to hang."""

BEATS = 5
"""Signs of life that take longer than that together."""


async def status_of_answer(manager: Watched) -> str:
    port = manager.listener.getsockname()[1]
    request = {"model": "up/model", "input": "Hi", "stream": True}
    async with (
        asyncio.timeout(WAIT * 2),
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
        session.post(f"http://127.0.0.1:{port}/v1/responses", json=request) as answer,
    ):
        return str(check_stream(await answer.read()).response["status"])


@pytest.mark.case("L5")
async def test_l5_a_process_whose_event_loop_hangs_is_replaced(tmp_path: Path, figures: Figures) -> None:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hello")))
        config = tmp_path / "gateway.toml"
        config.write_text(tomli_w.dumps({"providers": [{"name": "up", "base_url": upstream.base_url}]}))
        async with watched(tmp_path, config, SECONDS) as manager:
            assert await status_of_answer(manager) == "completed"
            for _ in range(BEATS):
                await manager.heard.wait_for("WATCHDOG", since=len(manager.heard.heard))
            (hanging,) = manager.processes  # one that is well is left alone
            hanging.process.send_signal(signal.SIGUSR2)
            await hanging.wait_for_line("hangs")
            hangs_since = time.monotonic()
            assert await status_of_answer(manager) == "completed", "it waited in the socket"
            seconds = time.monotonic() - hangs_since
            figures.note("L5", f"until the next answer, after a limit of {SECONDS:g} s", seconds, "s")
            assert seconds > SECONDS / 2
            assert hanging.process.returncode == -signal.SIGABRT
            assert len(manager.processes) == 2
