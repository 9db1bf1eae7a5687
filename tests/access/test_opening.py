import subprocess
import sys
from pathlib import Path

import pytest

from gateway.access.counts import LocalCounts
from gateway.access.ledger_file import FileLedger
from gateway.access.opening import open_counts
from gateway.configuration import ConfigurationError
from gateway.settings import LimitsSettings


def test_a_process_counts_for_itself_and_keeps_budgets_in_a_file(tmp_path: Path) -> None:
    counts, budgets = open_counts(LimitsSettings(budgets_file=str(tmp_path / "budgets.json")))
    assert isinstance(counts, LocalCounts)
    assert isinstance(budgets.ledger, FileLedger)
    assert open_counts(LimitsSettings(budgets_file=""))[1].ledger is None


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis_link", "shared_counts", "shared_ledger"):
        monkeypatch.delitem(sys.modules, f"gateway.access.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"install 'responses-gateway\[redis\]'"):
        open_counts(LimitsSettings(redis="redis://127.0.0.1"))


def test_nobody_without_redis_loads_its_client() -> None:
    """It takes a tenth of a second to load, and is an extra."""
    program = "import sys, gateway.web.app; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
