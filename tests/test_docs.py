import asyncio
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest
from msgspec.structs import fields

from docs import generate
from gateway import configuration
from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import termination_of
from gateway.settings import Quirks
from gateway.spec.requests import FIELDS
from gateway.telemetry.report import TERMINATIONS
from gateway.translate import chat_reader, content, history, options, tools
from gateway.translate.tool_names import ToolKind
from gateway.upstream.gate import SHED
from tests.fakes.gateway import KEY, GatewayProcess
from tests.fakes.ports import free_port
from tests.official import check_error, check_response, check_stream

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *generate.pages()]
CLIENT_PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))
"""Their snippets are configurations of clients, and are tested with those."""
WORLD = {"LOCAL_API_KEY": "a", "DEEPSEEK_API_KEY": "b", "OPENAI_API_KEY": "c"}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def section(name: str, title: str) -> str:
    """The text of one section of a page, with its own sections."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", page(name), re.DOTALL | re.MULTILINE)
    assert found, f"{name} has no section {title}"
    return found[2]


def first_cells(text: str) -> set[str]:
    """All that stands in backticks in the first cells of the tables."""
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


# What follows from the code


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.name)
def test_generated_tables_are_not_stale(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == generate.regenerated(text), "run `make docs`"


def test_every_generated_table_has_its_place() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in generate.pages())
    assert sorted(re.findall(r"<!-- generated: (\S+) -->", text)) == sorted(generate.TABLES)


def test_every_setting_is_described_with_a_reason() -> None:
    for name, keys in generate.example_keys().items():
        described = page("docs/upstreams.md" if name == "providers.quirks" else "docs/configuration.md")
        for key in keys:
            assert f"| `{key.name}` |" in described, f"{name}.{key.name}"
            assert key.reason, f"{name}.{key.name} has no comment in the example configuration"


def test_every_quirk_is_in_the_example() -> None:
    assert {key.name for key in generate.example_keys()["providers.quirks"]} == {one.name for one in fields(Quirks)}


def test_every_error_is_described() -> None:
    described = page("docs/errors.md")
    assert all(f"| `{kind.value.code}` |" in described for kind in ErrorKind)


def timeout_codes() -> set[str]:
    """The codes of the gateway's own timeouts, as they stand in the code."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    return {code for source in sources for code in re.findall(r'"(upstream_[a-z_]+_timeout)"', source)}


def test_every_timeout_is_described() -> None:
    codes = timeout_codes()
    assert len(codes) == 4
    assert codes == set(re.findall(r"`(upstream_\w+_timeout)`", section("docs/errors.md", "Timeouts")))


def test_every_word_for_an_end_is_described() -> None:
    """The words are made in a few places: from errors, from the terminal event, and where a client leaves."""
    codes = (None, "500", "cut_off", "ClientPayloadError", *SHED)
    errors = [GatewayError(kind, "", upstream_code=code) for kind in ErrorKind for code in codes]
    errors += [GatewayError(ErrorKind.TIMEOUT, "", code=code) for code in timeout_codes()]
    said = {termination_of(error) for error in errors}
    for path in (*(ROOT / "gateway" / "web").glob("*.py"), *(ROOT / "gateway" / "exchange").glob("*.py")):
        said |= set(re.findall(r'termination(?:: str)? = "(\w+)"', path.read_text(encoding="utf-8")))
    described = first_cells(section("docs/operations.md", "The log").split("| `termination` | What it means |")[1])
    assert described == said | {"completed", "incomplete", "client_gone"}
    assert described == TERMINATIONS


def test_every_field_of_a_request_is_described() -> None:
    assert first_cells(section("docs/request-translation.md", "Fields")) == FIELDS


def test_every_member_that_passes_through_is_described() -> None:
    told = section("docs/request-translation.md", "Fields").split("pass through as they are:")[1].split(".\n")[0]
    listed, _, _ = told.partition(". Every")
    assert set(re.findall(r"`(\w+)`", listed)) == options._PASSED_ON


def test_every_input_item_is_described() -> None:
    assert first_cells(section("docs/request-translation.md", "Input items")) == set(history._READERS)


def test_every_content_part_is_described() -> None:
    known = set(content._READERS) | content._TEXTS
    assert first_cells(section("docs/request-translation.md", "Content parts")) == known


def test_every_tool_is_described() -> None:
    table = section("docs/request-translation.md", "Tools").split("`tool_choice`:")[0]
    assert first_cells(table) == {kind.value for kind in ToolKind} | set(tools._BUILT_IN) | {"namespace"}


def test_every_finish_reason_is_described_with_its_end() -> None:
    rows = section("docs/stream-translation.md", "How an answer ends").splitlines()
    for reasons, end in (
        (chat_reader._TRUNCATED, "`max_output_tokens`"),
        (chat_reader._FILTERED, "reason `content_filter`"),
        (chat_reader._BROKEN, "`response.failed`"),
    ):
        (row,) = [row for row in rows if all(f"`{reason}`" in row for reason in reasons)]
        assert end in row.rsplit("|", 2)[1]


def test_every_package_stands_in_the_architecture() -> None:
    described = page("docs/architecture.md")
    for path in (ROOT / "gateway").iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"{path.name}/" in described
            assert f"`gateway.{path.name}`" in described


def test_every_exit_code_is_described() -> None:
    source = (ROOT / "gateway" / "cli.py").read_text(encoding="utf-8")
    codes = set(re.findall(r"^EXIT_\w+ = (\d+)$", source, re.MULTILINE))
    told = {
        re.split(r" *\| *", row)[1] for row in section("docs/configuration.md", "Commands").splitlines() if "|" in row
    }
    assert codes <= told


def test_every_variable_of_the_environment_is_described() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    read = {name for source in sources for name in re.findall(r'"(GATEWAY_[A-Z_]+)"', source)}
    assert read == set(re.findall(r"^\| `(GATEWAY_\w+)`", page("docs/configuration.md"), re.MULTILINE))


def test_every_page_is_listed_in_the_readme() -> None:
    text = page("README.md")
    assert all(f"](docs/{path.name})" in text for path in generate.pages())


# Links and snippets


@pytest.mark.parametrize("path", [*PAGES, *CLIENT_PAGES], ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = path.parent / file if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_configuration_in_the_text_can_be_loaded(path: Path, tmp_path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8"), "toml"):
        if "codex" in block.splitlines()[0]:
            provider = tomllib.loads(block)["model_providers"]["gateway"]
            assert provider["wire_api"] == "responses"
            continue
        file = tmp_path / "gateway.toml"
        file.write_text(block, encoding="utf-8")
        assert configuration.load(file, WORLD).providers


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_json_in_the_text_is_json(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8"), "json"):
        orjson.loads(block)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_python_in_the_text_compiles(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8"), "python"):
        compile(block, str(path), "exec")


def test_commands_in_the_readme_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    used = {
        name
        for block in blocks(page("README.md"), "sh")
        for name in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)
    }
    assert used
    assert used <= targets


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


# The lines to paste


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
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--demo", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"GATEWAY_API_KEYS": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    gateway = GatewayProcess(process, port)
    gateway.collect_output()
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
