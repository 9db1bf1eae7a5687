import orjson
import pytest
from click.testing import CliRunner

from benchmarks import routing, translation
from gateway.codec.json import dumps


def test_the_cost_of_a_stream_is_measured_against_its_json() -> None:
    cost = translation.stream_cost(50, rounds=1)
    assert 0 < cost.json_seconds < cost.seconds
    assert cost.ratio == cost.seconds / cost.json_seconds


def test_the_cost_of_planning_is_measured_against_its_json() -> None:
    cost = translation.plan_cost(items=30, tools=3, size=30_000, rounds=1)
    assert cost.json_seconds > 0
    assert cost.seconds > 0


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


def test_other_targets_and_limits_add_next_to_nothing_to_a_request_that_needs_none() -> None:
    cost = routing.routing_cost(exchanges=40, rounds=5)
    assert 0 < cost.bare < cost.one_target
    assert cost.ratio < 1.2


def test_the_table_of_routing_is_printed() -> None:
    done = CliRunner().invoke(routing.main, ["--rounds", "1", "--exchanges", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "four targets" in done.output


def test_the_gateways_to_measure_are_described_for_a_clone() -> None:
    path = translation.ROOT / "benchmarks" / "load" / "gateways.json"
    gateways = orjson.loads(path.read_bytes())
    for gateway in gateways.values():
        for template in gateway.get("render", {}):
            assert (path.parent / template).exists(), template
