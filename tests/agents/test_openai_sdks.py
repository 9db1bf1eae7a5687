"""The examples of docs/clients/openai-sdks.md, run as they stand; tests/clients goes through the SDKs in depth."""

from pathlib import Path

from tests.agents.documented import snippet
from tests.agents.installation import NODE_BINARIES, NODE_MODULES, VENV
from tests.agents.process import run
from tests.agents.turns import text
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Upstream

PAGE = "openai-sdks.md"


async def test_the_python_example_prints_the_answer(
    python_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    (home / "example.py").write_text(snippet(PAGE, "python", gateway))
    upstream.answer(text("Hel", "lo, wörld"))
    finished = await run(VENV / "bin" / "python", "example.py", home=home, folder=home, variables={})
    assert finished.expect_success().output == "Hello, wörld 18\n"


async def test_the_node_example_prints_the_answer(
    node_packages: None, gateway: GatewayProcess, upstream: Upstream, home: Path
) -> None:
    (home / "example.mjs").write_text(snippet(PAGE, "js", gateway))
    (home / "node_modules").symlink_to(NODE_MODULES)
    upstream.answer(text("Hel", "lo, wörld"))
    finished = await run(NODE_BINARIES / "node", "example.mjs", home=home, folder=home, variables={})
    assert finished.expect_success().output == "Hello, wörld 18\n"
