"""How Codex is set up and connects: by the gateway's own command, over HTTP, through silence."""

import sys
import time
import tomllib
from pathlib import Path

from tests.agents.codex import Codex, messages
from tests.agents.process import run
from tests.agents.turns import calls, text, tool_names
from tests.fakes.chat import chunk, ending
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

ROOT = Path(__file__).parents[2]
PATCH = '{"input": "*** Begin Patch\\n*** Add File: new.txt\\n+Hello\\n*** End Patch"}'


async def test_what_the_command_prints_is_all_that_it_needs(
    every_codex: Codex, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    catalog = home / "catalog.json"
    command = "-m", "gateway", "codex", "up/model", "--url", gateway.base_url, "--catalog", catalog
    finished = await run(sys.executable, *command, home=home, folder=ROOT, variables={})
    every_codex.settings = dict(tomllib.loads(finished.expect_success().output))
    upstream.answer(calls(("call_p", "apply_patch", PATCH)), text("Patched."))
    finished = await every_codex.run("Write")
    assert messages(finished) == ["Patched."]
    assert (every_codex.work / "new.txt").read_text() == "Hello\n"
    assert "exec_command" in tool_names(upstream.last.json)
    assert "metadata" not in finished.output


async def test_it_falls_back_to_http_at_once(every_codex: Codex, gateway: GatewayProcess, upstream: Upstream) -> None:
    every_codex.settings["model_providers"] = {"gateway": {"supports_websockets": True}}
    upstream.answer(text("Over HTTP."))
    before = len(gateway.lines)
    finished = await every_codex.run("Go")
    assert messages(finished) == ["Over HTTP."]
    assert "Falling back" not in finished.output
    await gateway.wait_for_line('"POST"', since=before)
    assert sum('"GET","path":"/v1/responses","status":426' in line for line in gateway.lines[before:]) == 1


async def test_silence_does_not_run_into_its_idle_timeout(every_codex: Codex, upstream: Upstream) -> None:
    provider = {"stream_idle_timeout_ms": 600, "stream_max_retries": 0}
    every_codex.settings["model_providers"] = {"gateway": provider}
    upstream.answer(Script.of("headers", 1.2, chunk({"content": "La"}), 1.2, chunk({"content": "te"}), ending()))
    began = time.monotonic()
    assert messages(await every_codex.run("Wait")) == ["Late"]
    assert time.monotonic() - began > 2


async def test_it_reads_the_list_of_models_without_complaint(
    codex: Codex, gateway: GatewayProcess, upstream: Upstream
) -> None:
    # Only a provider whose key comes from a command is asked for its models.
    codex.reads_key = False
    codex.settings["model_providers"] = {"gateway": {"auth": {"command": "echo", "args": [gateway.key]}}}
    upstream.answer(text("Hi."))
    before = len(gateway.lines)
    finished = await codex.run("Go")
    assert messages(finished) == ["Hi."]
    await gateway.wait_for_line('"path":"/v1/models"', since=before)
    assert "failed to decode" not in finished.errors
