"""Figures that fault tests measure; with `--record-figures` they are kept for docs/reliability.md."""

from collections.abc import Iterator

import pytest

from tests.faults.figures import Figures


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Iterator[Figures]:
    """Takes what a test measured."""
    taken = Figures()
    yield taken
    if pytestconfig.getoption("record_figures"):
        taken.record()
