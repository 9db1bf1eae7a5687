"""What the doctor says of each real server, against what is known of it."""

import asyncio
import os
import re
import sys
from pathlib import Path

from openai import AsyncOpenAI

from gateway.settings import Quirks
from tests.fakes.gateway import running_gateway
from tests.upstreams.conftest import Tell
from tests.upstreams.scene import HELLO, Scene
from tests.upstreams.toml import one_provider

ROOT = Path(__file__).parents[2]

COMMON = {
    "answers": "yes",
    "streams": "yes",
    "reasoning": "yes",
    "max_tokens": "yes",
    "system message": "yes",
    "a second system message": "yes",
    "a system message later on": "yes",
    'tool_choice "required"': "ignored",
    'tool_choice "none"': "ignored",
}
PARSES = COMMON | {
    "usage in a stream": "yes",
    "max_completion_tokens": "yes",
    "developer message": "yes",
    "tool call": "yes",
    "parallel tool calls": "yes",
    "tool_choice with a name": "ignored",
    "tool call without content, null": "yes",
    "JSON schema": "ignored",
    "JSON without a schema": "ignored",
    "unknown model": "refused",
}
KNOWN = {
    "transformers": PARSES
    | {
        "list of models": "no",
        "images": "unclear",
        "unknown member": "refused",
        "Responses API of its own": "yes",
    },
    "mlx": PARSES
    | {
        "list of models": "yes",
        "images": "refused",
        "unknown member": "ignored",
        "Responses API of its own": "no",
    },
    "llama_cpp_python": COMMON
    | {
        "list of models": "yes",
        "usage in a stream": "ignored",
        "max_completion_tokens": "ignored",
        "developer message": "refused",
        "tool call": "ignored",
        "parallel tool calls": "ignored",
        "tool_choice with a name": "yes",
        "tool call without content, null": "refused",
        "tool call without content, empty": "yes",
        "JSON schema": "refused",
        "images": "unclear",
        "unknown member": "ignored",
        "unknown model": "ignored",
        "Responses API of its own": "no",
    },
}
"""The true answers, by server and subject: from recordings of the servers and from their sources."""

LINE = re.compile(r"(\S.*?) {2,}(yes|taken|no|ignored|refused|unclear)(?: {2,}|$)", re.MULTILINE)


async def examine(scene: Scene, block: Path) -> str:
    """The output of the doctor."""
    address = f"http://127.0.0.1:{scene.running.port}/v1"
    arguments = ["doctor", "--base-url", address, "--model", scene.server.model, "--yes", "--write", str(block)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *arguments),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_the_doctor_tells_the_truth(scene: Scene, tell: Tell, tmp_path: Path) -> None:
    said = dict(LINE.findall(await examine(scene, tmp_path / "block.toml")))
    known = KNOWN[scene.server.name]
    assert {subject: said.get(subject) for subject in known} == known
    tell(f"yes: {len(known)} of {len(known)} answers are true")


async def test_the_block_that_the_doctor_writes_works(scene: Scene, tell: Tell, tmp_path: Path) -> None:
    """For one answer, in a gateway of its own: that it is the right one is seen in what it says."""
    block = tmp_path / "block.toml"
    await examine(scene, block)
    provider = one_provider(block.read_text(encoding="utf-8"))
    model = f"{provider['name']}/{scene.server.model}"
    async with (
        running_gateway(tmp_path, [provider]) as gateway,
        AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=30) as client,
    ):
        answer = await client.responses.create(model=model, input="Say hello", temperature=0)
    assert answer.output_text == HELLO
    quirks = provider.get("quirks", {})
    assert set(quirks) <= set(Quirks.__struct_fields__)
    tell("yes: " + (", ".join(f"`{name}`" for name in sorted(quirks)) or "no quirks"))
