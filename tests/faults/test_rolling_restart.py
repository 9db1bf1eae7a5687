"""A rolling restart behind nginx; `make rolling-restarts` does ten of them, with more load."""

from pathlib import Path

import pytest

from tests.faults.figures import Figures
from tests.faults.rolling import SLOW_EVERY, restarted_under_load


@pytest.mark.alone
@pytest.mark.case("L2")
async def test_a_rolling_restart_loses_no_request(tmp_path: Path, figures: Figures) -> None:
    load, _ = await restarted_under_load(tmp_path, rounds=1, rate=100)
    assert load.failures == {}, load.nginx_errors[-2000:]
    assert load.requests > 2 * SLOW_EVERY
    figures.note("L2", "failed requests", sum(load.failures.values()), f"of {load.requests}")
