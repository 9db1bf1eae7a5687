"""Runs scripts with the official Node SDK, each of which reports one JSON object."""

import asyncio
import os
from pathlib import Path
from typing import Protocol

import orjson

from gateway.codec.json import JSONObject
from tests import node
from tests.fakes.gateway import GatewayProcess

FOLDER = Path(__file__).parent / "node"
LIMIT = 60.0


class Run(Protocol):
    """Runs a script of the folder, with arguments, and gives what it reported."""

    async def __call__(self, script: str, *arguments: str) -> JSONObject: ...


async def run(gateway: GatewayProcess, script: str, *arguments: str) -> JSONObject:
    """What the script reported of its talk with the gateway."""
    process = await asyncio.create_subprocess_exec(
        str(node.BINARIES / "node"),
        script,
        *arguments,
        cwd=FOLDER,
        env=os.environ | {"GATEWAY_BASE_URL": gateway.base_url, "GATEWAY_KEY": gateway.key},
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
