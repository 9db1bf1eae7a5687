"""What Codex makes of the gateway's list of models: it asks for it where its key comes from a command."""

from pathlib import Path

from tests.agents.codex import Codex, messages
from tests.agents.turns import text, tool_names
from tests.fakes.gateway import running_gateway
from tests.fakes.upstream import running_upstream


async def test_a_model_with_a_known_window_is_known_to_codex(node_packages: None, home: Path, work: Path) -> None:
    async with running_upstream() as upstream:
        providers = [{"name": "up", "base_url": upstream.base_url, "context_windows": {"model": 64_000}}]
        async with running_gateway(home, providers) as gateway:
            codex = Codex("0.169", gateway, home, work)
            codex.reads_key = False
            codex.settings["model_providers"] = {"gateway": {"auth": {"command": "echo", "args": [gateway.key]}}}
            upstream.answer(text("Hi."))
            finished = await codex.run("Hello")
            assert messages(finished) == ["Hi."]
            await gateway.wait_for_line('"GET","path":"/v1/models","status":200')
    assert "apply_patch" in tool_names(upstream.last.json)
    assert upstream.last.json["messages"][0]["content"].startswith("You are a coding agent in the Codex CLI")
    for complaint in ("failed to decode", "metadata"):
        assert complaint not in finished.output + finished.errors
