"""Runs the small programs that use an SDK: in a folder of their own, configured as the documentation says.

They report one JSON object; what a test wants to know must be in it.
"""

import shutil
from pathlib import Path

import orjson

from gateway.codec.json import JSONObject
from tests.agents.documented import snippet
from tests.agents.installation import NODE_BINARIES, NODE_FOLDER, NODE_MODULES, VENV
from tests.agents.process import Finished, run
from tests.fakes.gateway import GatewayProcess

PYTHON_FOLDER = Path(__file__).parent / "python"


async def run_python(script: str, page: str, gateway: GatewayProcess, home: Path, *arguments: str) -> JSONObject:
    """What the Python program reported."""
    (home / "documented.py").write_text(snippet(page, "python", gateway))
    shutil.copy(PYTHON_FOLDER / script, home)
    return _report(await run(VENV / "bin" / "python", script, *arguments, home=home, folder=home, variables={}))


async def run_node(
    script: str, page: str, gateway: GatewayProcess, home: Path, *arguments: str, number: int = 0
) -> JSONObject:
    """What the Node program reported; the number is that of the page's code block."""
    (home / "documented.mjs").write_text(snippet(page, "js", gateway, number=number))
    shutil.copy(NODE_FOLDER / script, home)
    (home / "node_modules").symlink_to(NODE_MODULES)
    return _report(await run(NODE_BINARIES / "node", script, *arguments, home=home, folder=home, variables={}))


def _report(finished: Finished) -> JSONObject:
    """The last line that a program wrote."""
    return dict(orjson.loads(finished.expect_success().output.splitlines()[-1]))
