"""The numbered cases (cases.toml), the tests that show each, and the figures that they measured (figures.json)."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
FIGURES = HERE / "figures.json"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, and what the gateway promises of it."""

    number: str
    """A letter and a number, as "C1"."""
    fault: str
    promise: str
    figure: str
    """What must hold in numbers; may be empty."""


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of a letter."""

    title: str
    cases: tuple[Case, ...]


def groups() -> list[Group]:
    """All cases, in the order of the file."""
    tables = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))
    return [Group(table["title"], tuple(_cases(table["cases"]))) for table in tables.values()]


def _cases(table: dict[str, dict[str, str]]) -> Iterator[Case]:
    for number, members in table.items():
        yield Case(number, members["fault"], members["promise"], members.get("figure", ""))


def numbers() -> list[str]:
    """The numbers of all cases."""
    return [case.number for group in groups() for case in group.cases]


def marked_tests() -> dict[str, list[Path]]:
    """The files with a test for each number that a marker names, relative to the folder of the tests."""
    found: dict[str, set[Path]] = {}
    for path in TESTS.rglob("*.py"):
        for number in _numbers_in(path):
            found.setdefault(number, set()).add(path.relative_to(TESTS))
    return {number: sorted(paths) for number, paths in found.items()}


def _numbers_in(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    if "mark.case(" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                yield from _named_by(decorator)


def _named_by(decorator: ast.expr) -> Iterator[str]:
    if isinstance(decorator, ast.Call) and re.fullmatch(r"pytest\.mark\.case", ast.unparse(decorator.func)):
        yield from (ast.literal_eval(argument) for argument in decorator.args)


def figures() -> dict[str, dict[str, str]]:
    """What was measured in the last recorded run, by case and by name of the figure."""
    recorded: dict[str, dict[str, str]] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return recorded
