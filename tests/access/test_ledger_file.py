import asyncio
import json
import multiprocessing
from pathlib import Path

import pytest

from gateway.access.budgets import Batch, LedgerError, Spent
from gateway.access.ledger_file import FileLedger
from gateway.access.whole_file import locked
from tests.fakes.log import captured_log

DAY, MONTH = "2026-01-31", "2026-01"


def batch(tokens: int, cost: float = 0.0, *, owner: str = "a", day: str = DAY) -> Batch:
    return Batch("id", {(day, owner): Spent(tokens, cost), (day[:7], owner): Spent(tokens, cost)})


def written(path: Path) -> object:
    """What is in the file, which only its owner may read."""
    assert path.stat().st_mode & 0o777 == 0o600
    return json.loads(path.read_text())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budgets.json"


async def test_what_is_told_is_there_for_the_next_process(path: Path) -> None:
    ledger = FileLedger(path)
    assert await ledger.read((DAY, MONTH)) == {}
    await ledger.settle(batch(10, 0.5), ())
    await ledger.settle(batch(5, 0.25), ())
    assert await FileLedger(path).read((DAY,)) == {(DAY, "a"): Spent(15, 0.75)}
    assert written(path) == {DAY: {"a": [15, 0.75]}, MONTH: {"a": [15, 0.75]}}


async def test_what_others_wrote_is_seen_and_only_then_read(path: Path) -> None:
    one, two = FileLedger(path), FileLedger(path)
    await one.settle(batch(10), ())
    assert (await two.settle(None, ()))[DAY, "a"] == Spent(10)
    assert await two.settle(None, ()) == {}
    await one.settle(batch(1), ())
    assert (await two.settle(None, ()))[DAY, "a"] == Spent(11)


async def test_days_and_months_that_are_over_leave_the_file(path: Path) -> None:
    ledger = FileLedger(path)
    for day in ("2026-01-30", "2026-01-31", "2026-02-01"):
        await ledger.settle(batch(1, day=day), ())
    assert written(path) == {"2026-02-01": {"a": [1, 0.0]}, "2026-02": {"a": [1, 0.0]}}


def spend(path: Path) -> None:
    """What another process does, as often as the lock lets it."""

    async def run() -> None:
        ledger, done = FileLedger(path), 0
        while done < 20:
            try:
                await ledger.settle(batch(1), ())
                done += 1
            except LedgerError:
                await asyncio.sleep(0.001)

    asyncio.run(run())


async def test_processes_take_turns(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=spend, args=(path,)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        await asyncio.to_thread(other.join, 60)
    assert (await FileLedger(path).read((DAY,)))[DAY, "a"] == Spent(60)


async def test_a_lock_that_is_held_is_not_waited_for(path: Path) -> None:
    ledger = FileLedger(path)
    with captured_log() as log, locked(path), pytest.raises(LedgerError):
        await ledger.settle(batch(1), ())
    assert log.lines == [], "the next time is a second away"
    await ledger.settle(batch(1), ())


async def test_a_folder_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "none" / "budgets.json")
    with captured_log() as log:
        for _ in range(3):
            with pytest.raises(LedgerError):
                await ledger.settle(batch(1), ())
        (tmp_path / "none").mkdir()
        await ledger.settle(batch(1), ())
    assert len(log.entries("budgets cannot be kept, they will not survive a restart")) == 1
    assert len(log.entries("budgets are kept again")) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"2026-01": {"a": "many"}}'])
def test_a_damaged_file_is_set_aside(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with captured_log() as log:
        assert asyncio.run(FileLedger(path).read((DAY,))) == {}
    assert path.with_name("budgets.json.damaged").read_bytes() == content
    assert len(log.entries("the file of the budgets is damaged, they begin anew")) == 1
