"""The soak in seconds: the same traffic, the same faults, and the same questions at the end."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.run import Plan, soak
from tests.soak.verdict import MEGABYTE, Bounds, Finding, Sample, findings, slope

SHORT = Plan(
    seconds=15,
    warm_seconds=3,
    clients=16,
    think_seconds=0.1,
    sample_seconds=0.5,
    reload_seconds=2,
    lock_every_seconds=7,
    lock_seconds=1.5,
    bounds=Bounds(memory_an_hour=math.inf, blocks_an_hour=math.inf),
)
"""In so short a time the memory still finds its size; that nothing is left when all is over holds all the same."""


@pytest.mark.alone
@pytest.mark.case("L9")
async def test_mixed_traffic_and_faults_leave_nothing_behind(tmp_path: Path) -> None:
    report = await soak(tmp_path, SHORT)
    told = [str(finding) for finding in report.findings if not finding.is_good]
    assert told == [], (told, report.tally.unexpected[:5], report.loud_lines[:5])
    assert sum(report.tally.done.values()) > 200
    assert len(report.tally.done) >= 12
    assert {"completed", "client_gone", "client_error", "upstream_reset"} <= set(report.terminations)


IDLE = Sample(seconds=0, memory=100 * MEGABYTE, blocks=230_000, descriptors=20, tasks=8, streams=0, at_upstreams=0)
HALF_AN_HOUR = range(0, 1801, 2)


def samples(memory: Callable[[float], float], blocks: Callable[[float], float] = lambda _: 0) -> list[Sample]:
    """Half an hour, with so much more memory and so many more blocks at each second, and what comes and goes: bodies, and what waits for the collector."""
    chance = random.Random(1)
    return [
        replace(
            IDLE,
            seconds=second,
            memory=IDLE.memory + int(memory(second) + chance.expovariate(1 / MEGABYTE)),
            blocks=IDLE.blocks + int(blocks(second) + second % 200 * 60 + chance.uniform(0, 4000)),
        )
        for second in HALF_AN_HOUR
    ]


def bad(of: list[Sample]) -> list[str]:
    return [finding.name for finding in findings(IDLE, of, IDLE, Bounds()) if not finding.is_good]


def flat(second: float) -> float:
    return 0.0


def filling(second: float) -> float:
    """A cache of 10 MiB that is filled ever more slowly."""
    return 10 * MEGABYTE * (1 - math.exp(-second / 300))


def stepping(second: float) -> float:
    """The allocator keeps what a large body has left, until it gives it back."""
    return 8 * MEGABYTE if 700 < second < 1000 or second > 1400 else 0


def leaking(second: float) -> float:
    """Fifty bytes with each of seventy acts a second."""
    return 50 * 70 * second


@pytest.mark.parametrize("memory", [flat, filling, stepping])
def test_what_finds_its_size_is_good(memory: Callable[[float], float]) -> None:
    assert bad(samples(memory)) == []
    assert bad(samples(flat, lambda second: memory(second) / 100)) == []


@pytest.mark.parametrize("beside", [flat, filling])
def test_fifty_bytes_of_each_act_are_found(beside: Callable[[float], float]) -> None:
    growing = samples(lambda second: leaking(second) + beside(second))
    assert bad(growing) == ["memory that goes on growing"]
    assert slope(growing) > 10 * MEGABYTE


def test_a_block_of_every_act_is_found() -> None:
    assert bad(samples(flat, lambda second: 70 * second)) == ["blocks of Python that go on growing"]


@pytest.mark.parametrize(
    "left", [{"tasks": 11}, {"descriptors": 23}, {"streams": 1}, {"at_upstreams": 1}, {"blocks": 271_000}]
)
def test_what_is_left_is_found(left: dict[str, int]) -> None:
    found = findings(IDLE, samples(flat), replace(IDLE, **left), Bounds())
    assert [finding.is_good for finding in found].count(False) == 1


def test_a_finding_says_what_it_holds_against_whom() -> None:
    assert str(Finding("tasks left", 3, 2)) == "BAD tasks left: 3  (at most 2)"
