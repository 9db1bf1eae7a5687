"""What the real servers did, kept between runs, and the page that tells it.

A run replaces what it measured and leaves the rest: servers may be run one at a time. Tests say what they saw; this
only keeps and prints it. `python -m tests.upstreams.results` writes the page anew.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

import msgspec

from tests.upstreams.servers import SERVERS, Server

FILE = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[2] / "docs" / "real-servers.md"

_HEAD = """# Real servers

Besides the recordings and the scripted upstreams of `make test`, the gateway is run against servers that other people
wrote, with the official Python SDK as its client: `make test-upstreams`. The servers are installed from the package
registry, and run on a processor with a model of 0.8 million parameters that was trained for this purpose and lies in
`tests/upstreams/models`. This page is written by that run.

"""

_TABLE = """## What works

"yes" means that the test saw the exact answer of the model, through the gateway. Other words tell what happens
instead: a server that cannot do a thing must not lead to a wrong answer, and the client must be told.

"""

_BLOCKS = """## Their configuration

What a user writes; the port is whatever the server was started with.

"""


class Facts(msgspec.Struct, frozen=True):
    """A server as it was run."""

    version: str
    python: str
    install_seconds: float
    start_seconds: float
    test_seconds: float
    date: str


class Results(msgspec.Struct):
    """All that is kept: facts by server, and what was seen by test and server."""

    facts: dict[str, Facts] = {}
    seen: dict[str, dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """What one test saw of one server."""

    test: str
    server: str
    seen: str


def load() -> Results:
    """What is kept, if anything."""
    return msgspec.json.decode(FILE.read_bytes(), type=Results) if FILE.exists() else Results()


def sentence(function: str) -> str:
    """The name of a test, as it is told."""
    return function.removeprefix("test_").replace("_", " ").replace("json", "JSON").replace(" api ", " API ")


def tests() -> list[str]:
    """All tests of real servers, in the order of the files."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("check_*.py")))
    return [sentence(name) for text in texts for name in re.findall(r"^async def (test_\w+)", text, re.MULTILINE)]


def keep(results: Results, facts: dict[str, Facts], rows: list[Row], order: list[str]) -> Results:
    """With what a run saw of its servers; tests that no longer exist are forgotten.

    Args:
        order: the tests that exist.
    """
    seen = {test: {**results.seen.get(test, {})} for test in order}
    for row in rows:
        seen[row.test][row.server] = row.seen
    return Results({**results.facts, **facts}, {test: cells for test, cells in seen.items() if cells})


def write(results: Results) -> None:
    """Keep the results, and write the page."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    PAGE.write_text(page(results), encoding="utf-8")


def page(results: Results) -> str:
    """The documentation page."""
    servers = [server for server in SERVERS if server.name in results.facts]
    blocks = "\n".join(f"{server.title}, started with\n\n{_commands(server)}" for server in servers)
    return (
        _HEAD + _facts_table(servers, results) + "\n" + _TABLE + _seen_table(servers, results) + "\n" + _BLOCKS + blocks
    )


def _facts_table(servers: list[Server], results: Results) -> str:
    rows = []
    for server in servers:
        facts = results.facts[server.name]
        times = (facts.install_seconds, facts.start_seconds, facts.test_seconds)
        rows.append([server.title, facts.version, facts.python, *(f"{seconds:.0f} s" for seconds in times), facts.date])
    head = ["Server", "Version", "Python", "Installed in", "Started in", "Tested in", "Date"]
    return _table(head, rows)


def _seen_table(servers: list[Server], results: Results) -> str:
    rows = [[test, *(cells.get(server.name, "—") for server in servers)] for test, cells in results.seen.items()]
    return _table(["", *(server.title for server in servers)], rows)


def _commands(server: Server) -> str:
    command = Template(" ".join(server.command)).substitute(port=8000)
    block = Template(server.block).substitute(port=8000).strip()
    return f"```sh\n{command}\n```\n\n```toml\n{block}\n```\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    write(keep(load(), {}, [], tests()))
