import mmap
import os
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from benchmarks import collector, cost, counts, following, limits, purge, routing, translation
from benchmarks.load import figures, processes
from benchmarks.load.measure import ProcessTree
from gateway.codec.json import dumps
from tests.fakes.postgresql import PostgresServer


def test_the_cost_of_a_stream_is_measured_against_its_json() -> None:
    measured = translation.stream_cost(50, rounds=1)
    assert 0 < measured.json_seconds < measured.seconds
    assert measured.ratio == measured.seconds / measured.json_seconds


def test_the_cost_of_planning_is_measured_against_its_json() -> None:
    measured = translation.plan_cost(items=30, tools=3, size=30_000, rounds=1)
    assert measured.json_seconds > 0
    assert measured.seconds > 0


@pytest.mark.parametrize(("items", "tools", "size"), [(600, 120, 3_000_000), (30, 3, 30_000)])
def test_the_request_of_an_agent_has_what_the_table_says(items: int, tools: int, size: int) -> None:
    request = translation.agent_request(items=items, tools=tools, size=size)
    assert len(request["input"]) == items + 1
    assert len(request["tools"]) == tools
    assert len(dumps(request)) == pytest.approx(size, rel=0.1)


def test_both_tables_are_printed() -> None:
    done = CliRunner().invoke(translation.main, ["--rounds", "1", "--tokens", "2000"], catch_exceptions=False)
    assert done.exit_code == 0
    assert all(word in done.output for word in ("500 tokens", "2,000 tokens", "times the short one", "3 MB, 600 items"))


@pytest.mark.alone
def test_other_targets_and_limits_add_next_to_nothing_to_a_request_that_needs_none() -> None:
    measured = routing.routing_cost(exchanges=40, rounds=5)
    assert 0 < measured.bare < measured.one_target
    assert measured.ratio < 1.2


def test_the_table_of_routing_is_printed() -> None:
    done = CliRunner().invoke(routing.main, ["--rounds", "1", "--exchanges", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "four targets" in done.output


@pytest.mark.alone
def test_limits_add_little_to_a_request_and_next_to_nothing_where_there_are_none() -> None:
    """The bounds are three times what was measured on a noisy machine."""
    measured = [limits.exchange_cost().cpu for _ in range(2)]
    none = min(limits.measure(limits.request_with(limits.NONE), 500).cpu for _ in range(3))
    every = min(limits.measure(limits.request_with(limits.ALL), 500).cpu for _ in range(3))
    assert none / min(measured) < 0.01
    assert every / min(measured) < 0.1


def test_the_table_of_limits_is_printed() -> None:
    done = CliRunner().invoke(limits.main, ["--rounds", "1"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "every limit, in this process" in done.output


def test_the_pauses_of_the_collector_are_printed_for_each_kind_of_response() -> None:
    done = CliRunner().invoke(collector.main, ["--records", "20"], catch_exceptions=False)
    assert done.exit_code == 0
    stored = [line.split()[-4] for line in done.output.splitlines()[1:]]
    assert stored == ["20"] * len(collector.KINDS)


async def test_what_a_purge_makes_others_wait_is_measured(tmp_path: Path) -> None:
    purging = await purge.measure(purge.file_in(tmp_path), 1100, rest_seconds=0.1)
    assert len(purging.slices.seconds) == 1100 // 50 + 1
    for phase in (purging.rest, purging.busy):
        assert all(waits.seconds for waits in (phase.writes, phase.reads, phase.loop))


TABLES: figures.Tables = {"burst": {"gateway": {"cpu_us_per_token": 6.0}}, "idle": {"gateway": {"rest_mb": 50.0}}}


def test_the_table_of_the_suite_has_each_figure_with_its_ratio_to_nginx() -> None:
    plain: figures.Tables = {"burst": {"gateway": {"cpu_us_per_token": 0.5}}}
    rows = figures.lines_of("gateway", {"gateway": [TABLES, TABLES], "nginx": [plain]})[2:]
    assert rows == [
        "| burst: us of CPU a token | 6 | 0.5 | 12.0 | 15 x nginx |",
        "| at rest: MB | 50 |  |  | 60 |",
    ]


def test_what_two_processes_carry_stands_beside_what_one_does() -> None:
    one = [{"burst": 1000.0, "short": 10.0}, {"burst": 2000.0, "short": 10.0}]
    rows = processes.lines_of(one, [{"burst": 3000.0, "short": 19.0}])[2:]
    assert rows == [
        "| tokens a second | 1,500 | 3,000 | 2.00 |",
        "| streams of 8 tokens a second | 10 | 19 | 1.90 |",
    ]


def test_what_went_wrong_under_load_is_told() -> None:
    broken: figures.Tables = {"paced": {"gateway_500": {"faults": {"seq_errors": 1}}}}
    assert figures.faults_of({"gateway": [TABLES, broken]}) == ["gateway, paced, gateway_500: {'seq_errors': 1}"]


def test_the_peak_of_memory_is_seen_however_short_it_was() -> None:
    """Touched pages of 40 MB that are gone when it is asked; of a mapping, as malloc may keep them."""
    tree = ProcessTree(os.getpid())
    tree.forget_peak()
    before = tree.peak_bytes()
    with mmap.mmap(-1, 40_000_000) as pages:
        pages.write(b"x" * 40_000_000)
    assert tree.peak_bytes() >= before + 30_000_000
    assert tree.resident_bytes() < tree.peak_bytes()
    tree.forget_peak()
    assert tree.peak_bytes() < before + 30_000_000


@pytest.mark.parametrize("is_notifying", [False, True])
async def test_both_ways_to_follow_tell_of_every_event(postgres: PostgresServer, *, is_notifying: bool) -> None:
    url = postgres.new_database(f"following_{is_notifying}".lower())
    followed = await following.measure(url, 2, 4, is_notifying=is_notifying)
    assert len(followed.delays) == 2 * 3  # the last one of each has no time in it
    assert min(followed.delays) > 0


def test_the_gateways_to_measure_are_described_for_a_clone() -> None:
    path = translation.ROOT / "benchmarks" / "load" / "gateways.json"
    gateways = orjson.loads(path.read_bytes())
    for gateway in gateways.values():
        for template in gateway.get("render", {}):
            assert (path.parent / template).exists(), template


def test_counts_are_the_same_in_each_run_and_grow_with_the_work() -> None:
    def work(steps: int) -> list[list[str]]:
        return [sorted(str(step)) for step in range(steps)]

    for count in (counts.instructions, counts.calls, counts.blocks_kept):
        few, many = count(lambda: work(300)), count(lambda: work(3000))
        assert count(lambda: work(300)) == pytest.approx(few, abs=20)
        assert few < many


def test_a_count_that_grew_is_a_regression() -> None:
    baseline = {"calls": 100.0, "kept": 0.0, "gone": 1.0}
    assert cost.regressions({"calls": 101.9, "kept": 0.04, "gone": 0.5}, baseline) == []
    assert cost.regressions({"calls": 103.0, "kept": 0.5, "new": 1.0}, baseline) == [
        "calls: 103.00, was 100.00",
        "gone: no longer counted",
        "kept: 0.50, was 0.00",
        "new: not in the baseline",
    ]


def test_the_check_of_the_cost_fails_when_the_baseline_was_cheaper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "BASELINE", tmp_path / "cost.json")
    monkeypatch.setattr(cost, "measure", lambda: {"calls": 100.0})
    assert CliRunner().invoke(cost.main, ["--update"], catch_exceptions=False).exit_code == 0
    assert CliRunner().invoke(cost.main, [], catch_exceptions=False).exit_code == 0
    monkeypatch.setattr(cost, "measure", lambda: {"calls": 110.0})
    worse = CliRunner().invoke(cost.main, [], catch_exceptions=False)
    assert worse.exit_code == 1
    assert "calls: 110.00, was 100.00" in worse.output
    assert "make cost-baseline" in worse.output
