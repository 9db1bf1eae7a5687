"""The lines that the documentation tells people to paste do what the text around them says."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject
from tests.fakes.gateway import KEY, SERVE, GatewayProcess, start_process
from tests.fakes.ports import free_port
from tests.official import check_error, check_response, check_stream
from tests.pages import ROOT, blocks, page, section


def test_the_first_steps_with_an_own_upstream_work_as_written(tmp_path: Path) -> None:
    """All but `make` and `serve`, in a folder that has nothing but the snippet and the command."""
    text = section("README.md", "Your own upstream")
    (tmp_path / "gateway.toml").write_text(blocks(text, "toml")[0], encoding="utf-8")
    command = tmp_path / ".venv" / "bin" / "responses-gateway"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gateway "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    lines = [
        line for line in blocks(text, "sh")[0].splitlines() if " serve " not in line and not line.startswith("make")
    ]
    assert len(lines) == 2
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-e"], input="\n".join(lines), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert re.search(r"^rgw_\w+", done.stdout)
    assert "ok: 1 provider, 0 aliases, 1 key" in done.stdout


@dataclass(frozen=True, slots=True)
class Line:
    """A curl line as the shell reads it."""

    source: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


PRINT_ARGUMENTS = """curl() { printf '%s\\0' "$@"; printf '\\1\\0'; }\n"""
"""curl itself is on few machines that are made for tests; the shell takes the line apart all the same."""


def curl_lines(text: str, port: int) -> list[Line]:
    """Every curl line of a page, for a gateway on this port."""
    script = PRINT_ARGUMENTS + "".join(block for block in blocks(text, "sh") if block.startswith("curl "))
    done = subprocess.run(["sh", "-e"], input=script.encode(), env={"KEY": KEY}, capture_output=True, check=True)
    calls = done.stdout.decode().split("\0\1\0")[:-1]
    return [read_line(call.lstrip("\0").split("\0"), port) for call in calls]


def read_line(arguments: list[str], port: int) -> Line:
    """Only the options that the pages use; another one fails."""
    url, body, headers = "", None, dict[str, str]()
    rest = iter(arguments)
    for argument in rest:
        if argument == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif argument == "-d":
            body = next(rest).encode()
        elif argument not in ("-N", "-i"):
            assert re.match(r"http://127\.0\.0\.1:8080/v1/", argument), argument
            url = argument.replace(":8080/", f":{port}/")
    return Line(" ".join(arguments)[:300], "POST" if body else "GET", url, headers, body)


@pytest.fixture(scope="module")
def demo_gateway() -> Iterator[GatewayProcess]:
    """What `make run` starts, with a key that the test knows."""
    port = free_port()
    gateway = start_process([*SERVE, "--demo", "--port", str(port)], port, {})
    gateway.wait_until_ready()
    yield gateway
    gateway.stop_cleanly()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended, and the types of the events and items that it had."""

    word: str
    seen: set[str]


@pytest.mark.parametrize("name", ["README.md", "docs/demo.md"])
async def test_every_line_to_paste_does_what_the_text_says(name: str, demo_gateway: GatewayProcess) -> None:
    lines = curl_lines(page(name), demo_gateway.port)
    assert len(lines) >= 3
    async with aiohttp.ClientSession() as session:
        endings = await asyncio.gather(*(ending(session, line) for line in lines))
    for line, end in zip(lines, endings, strict=True):
        word, shown = next((PROMISES[mark] for mark in PROMISES if mark in line.source), ("completed", {"message"}))
        assert end.word == word, line.source
        assert shown <= end.seen, line.source


async def test_the_python_snippet_of_the_readme_prints_the_answer(demo_gateway: GatewayProcess) -> None:
    (snippet,) = blocks(page("README.md"), "python")
    program = snippet.replace("127.0.0.1:8080", f"127.0.0.1:{demo_gateway.port}").replace("the key", KEY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert output.startswith(b"Hello! You said")
    assert b"ResponseUsage(" in output


async def ending(session: aiohttp.ClientSession, line: Line) -> Ending:
    """Sends a line and checks every byte of its answer."""
    async with session.request(line.method, line.url, headers=line.headers, data=line.body) as answer:
        body = await answer.read()
        if answer.content_type == "text/event-stream":
            stream = check_stream(body)
            return Ending(stream.response["status"], set(stream.types) | items_of(stream.response))
        value = orjson.loads(body)
        if answer.status != 200:
            check_error(value)
            return Ending(f"{answer.status} {value['error']['code']}", set())
        if value["object"] == "list":
            return Ending("list", {model["id"] for model in value["data"]})
        if value["object"] == "response.compaction":
            return Ending("compacted", items_of(value))
        check_response(value)
        dropped = answer.headers.get("x-gateway-dropped", "")
        return Ending(value["status"], {dropped} | items_of(value))


def items_of(response: JSONObject) -> set[str]:
    """The types of the items, a repeated one with its number."""
    types = [item["type"] for item in response["output"]]
    return set(types) | {f"{name} {types.count(name)}" for name in types}


PROMISES: dict[str, tuple[str, set[str]]] = {
    "demo-reasoner": ("completed", {"reasoning", "response.reasoning_summary_text.delta", "message"}),
    "Paris and Rome": ("completed", {"function_call 2"}),
    "Apply a patch": ("completed", {"custom_tool_call", "response.custom_tool_call_input.delta"}),
    "pause 12": ("completed", {"keepalive", "message"}),
    "long 2000": ("incomplete", {"message"}),
    '"filter"': ("incomplete", {"message"}),
    '"refuse"': ("completed", {"response.refusal.delta"}),
    '"cut"': ("failed", {"message"}),
    '"error"': ("failed", {"message"}),
    "fail 429": ("429 rate_limit_exceeded", set()),
    '"image_url": 1': ("400 invalid_type", set()),
    "x-gateway-mode: strict": ("400 unsupported_value", set()),
    "web_search": ("completed", {"tools[0]:web_search"}),
    "/v1/responses/compact": ("compacted", {"compaction"}),
    "/v1/models": ("list", {"demo/demo", "demo/demo-reasoner"}),
}
"""What the text around a line says of it, by something that only this line has; the first that fits counts."""
