"""Runs the small programs that use an SDK: in a folder of their own, configured as the documentation says.

They report one JSON object; what a test wants to know must be in it.
"""

import shutil
from pathlib import Path

import aiohttp
import orjson

from gateway.codec.json import JSONObject
from tests import node
from tests.agents.documented import snippet
from tests.agents.installation import NODE_FOLDER, NODE_MODULES, VENV
from tests.agents.process import Finished, run
from tests.fakes.gateway import GatewayProcess

NODE_PROGRAM = node.BINARIES / "node"
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
    return _report(await run(NODE_PROGRAM, script, *arguments, home=home, folder=home, variables={}))


async def run_example(page: str, language: str, gateway: GatewayProcess, home: Path, *numbers: int) -> list[str]:
    """The lines that these code blocks of the page print, as one program; `python` or `js`."""
    text = "\n".join(snippet(page, language, gateway, number=number) for number in numbers)
    name, program = ("example.py", VENV / "bin" / "python") if language == "python" else ("example.mjs", NODE_PROGRAM)
    (home / name).write_text(text)
    if language == "js":
        (home / "node_modules").symlink_to(NODE_MODULES)
    finished = await run(program, name, home=home, folder=home, variables={})
    return finished.expect_success().output.splitlines()


async def stored(gateway: GatewayProcess, path: str, body: JSONObject | None = None) -> JSONObject:
    """What the gateway has under this path below `/v1`; or, with a body, what it makes of it."""
    async with (
        aiohttp.ClientSession(headers=gateway.headers, raise_for_status=True) as session,
        session.request("GET" if body is None else "POST", f"{gateway.base_url}/{path}", json=body) as answer,
    ):
        return dict(await answer.json())


def _report(finished: Finished) -> JSONObject:
    """The last line that a program wrote."""
    return dict(orjson.loads(finished.expect_success().output.splitlines()[-1]))
