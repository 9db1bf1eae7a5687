"""The gateway process that fault tests share, and the figures that they measure.

With `--record-figures` these are kept for docs/reliability.md.
"""

from collections.abc import Iterator

import pytest

from tests.faults.figures import Figures
from tests.faults.shared_gateway import SHARED


@pytest.fixture(scope="session", autouse=True)
def _end_of_the_shared_gateway() -> Iterator[None]:
    yield
    SHARED.close()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Iterator[Figures]:
    """Takes what a test measured."""
    taken = Figures()
    yield taken
    if pytestconfig.getoption("record_figures"):
        taken.record()
