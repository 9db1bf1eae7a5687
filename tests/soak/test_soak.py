"""The soak in seconds: the same traffic, the same faults, and the same questions at the end."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.run import Plan, soak
from tests.soak.verdict import MEGABYTE, Finding, Sample, findings, growth, slope

SHORT = Plan(
    seconds=15,
    warm_seconds=3,
    clients=16,
    think_seconds=0.1,
    sample_seconds=0.5,
    reload_seconds=2,
    lock_every_seconds=7,
    lock_seconds=1.5,
    most_growth=25 * MEGABYTE,
)
"""In so short a time the memory still finds its size."""


@pytest.mark.alone
@pytest.mark.case("L9")
async def test_mixed_traffic_and_faults_leave_nothing_behind(tmp_path: Path) -> None:
    report = await soak(tmp_path, SHORT)
    told = [str(finding) for finding in report.findings if not finding.is_good]
    assert told == [], (told, report.tally.unexpected[:5], report.loud_lines[:5])
    assert sum(report.tally.done.values()) > 200
    assert len(report.tally.done) >= 12
    assert {"completed", "client_gone", "client_error", "upstream_reset"} <= set(report.terminations)


IDLE = Sample(seconds=0, memory=100 * MEGABYTE, descriptors=20, tasks=8, streams=0, at_upstreams=0)


def samples(growing_by: float) -> list[Sample]:
    """An hour, with the memory growing by so many bytes in it."""
    return [
        replace(IDLE, seconds=second, memory=IDLE.memory + int(growing_by * second / 3600))
        for second in range(0, 3601, 10)
    ]


def test_flat_memory_is_good_and_a_leak_is_not() -> None:
    flat = findings(IDLE, samples(0), IDLE, most_growth=MEGABYTE)
    assert all(finding.is_good for finding in flat)
    leaking = samples(10 * MEGABYTE)
    assert slope(leaking) == pytest.approx(10 * MEGABYTE, rel=0.01)
    assert 4 * MEGABYTE < growth(leaking) < 6 * MEGABYTE
    assert not findings(IDLE, leaking, IDLE, most_growth=MEGABYTE)[0].is_good


@pytest.mark.parametrize("left", [{"tasks": 11}, {"descriptors": 23}, {"streams": 1}, {"at_upstreams": 1}])
def test_what_is_left_is_found(left: dict[str, int]) -> None:
    after = replace(IDLE, **left)
    assert [finding.is_good for finding in findings(IDLE, samples(0), after, most_growth=MEGABYTE)].count(False) == 1


def test_a_finding_says_what_it_holds_against_whom() -> None:
    assert str(Finding("tasks left", 3, 2)) == "BAD tasks left: 3  (at most 2)"
