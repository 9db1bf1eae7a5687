"""The documentation against the code: tables, words, links, snippets."""

import re
import tomllib
from pathlib import Path

import orjson
import pytest
from msgspec.structs import fields

from docs import generate
from gateway import configuration
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import termination_of
from gateway.settings import Quirks
from gateway.spec.requests import FIELDS
from gateway.telemetry.report import TERMINATIONS
from gateway.translate import chat_reader, content, history, options, tools
from gateway.translate.tool_names import ToolKind
from gateway.upstream.gate import SHED
from tests.pages import ROOT, blocks, page, section

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *generate.pages()]
CLIENT_PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))
"""Their snippets are configurations of clients, and are tested with those."""
WORLD = {"LOCAL_API_KEY": "a", "DEEPSEEK_API_KEY": "b", "OPENAI_API_KEY": "c"}


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
