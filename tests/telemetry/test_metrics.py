import sys
import time

import pytest
from prometheus_client import generate_latest

from gateway.store.guard import Health
from gateway.telemetry.collectors import DatabaseCollector, UsageCollector
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.pace import Pace
from gateway.telemetry.report import Report, Work
from gateway.telemetry.usage import Consumption

ROUTE = "POST /v1/responses"
MOST_SERIES = 2000


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics({"up/known"}.__contains__, {"tools", "store"}.__contains__)
    metrics.registry.register(UsageCollector(metrics.usage))
    return metrics


def report(model: str = "up/known", termination: str = "completed", **members: object) -> Report:
    pace = Pace()
    for now in (1.0, 1.03):
        pace.note(now)
    filled = {
        "key": "laptop",
        "provider": "up",
        "attempts": ("up/known:503", "up/known:ok"),
        "consumption": Consumption(10, 5, 4, 1, cost=0.5),
        "pace": pace,
        "first_token_seconds": 0.3,
    }
    work = Work(termination=termination, model=model, **(filled | members))  # type: ignore[arg-type]
    return Report(method="POST", path="/v1/responses", route=ROUTE, status=200, seconds=2.0, work=work)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_request_is_counted_with_all_that_it_did(metrics: Metrics) -> None:
    metrics.count(report(dropped=("tools[3]:web_search", "tools[4]:web_search", "store")))
    account = {"key": "laptop", "model": "up/known", "provider": "up"}
    place = {"provider": "up", "model": "up/known"}
    assert value(metrics, "gateway_requests_total", route=ROUTE, status="200", termination="completed") == 1
    assert value(metrics, "gateway_request_seconds_sum", route=ROUTE) == 2
    assert value(metrics, "gateway_first_token_seconds_sum", **place) == 0.3
    assert value(metrics, "gateway_token_gap_seconds_bucket", **place, le="0.02") == 0
    assert value(metrics, "gateway_token_gap_seconds_bucket", **place, le="0.05") == 1
    assert value(metrics, "gateway_token_gap_seconds_count", **place) == 1
    assert value(metrics, "gateway_tokens_total", **account, direction="input") == 10
    assert value(metrics, "gateway_tokens_total", **account, direction="output") == 5
    assert value(metrics, "gateway_cost_total", **account) == 0.5
    for result in ("503", "ok"):
        assert value(metrics, "gateway_upstream_attempts_total", provider="up", result=result) == 1
    for field in ("tools", "store"):
        assert value(metrics, "gateway_dropped_fields_total", field=field) == 1


def test_a_member_that_the_client_made_up_gets_no_label(metrics: Metrics) -> None:
    metrics.count(report(dropped=("invented",)))
    assert value(metrics, "gateway_dropped_fields_total", field="other") == 1
    assert b"invented" not in generate_latest(metrics.registry)


def test_a_response_in_the_background_is_no_request(metrics: Metrics) -> None:
    metrics.count_background(report(termination="cancelled").work)
    assert value(metrics, "gateway_background_responses_total", termination="cancelled") == 1
    assert b"gateway_requests_total{" not in generate_latest(metrics.registry)


def test_what_the_guard_of_the_store_has_counted_is_shown(metrics: Metrics) -> None:
    health = Health(operations=9, errors=3, refused=2, seconds=0.5, pending=1, pending_bytes=70, is_open=True)
    metrics.registry.register(DatabaseCollector(health))
    shown = {
        name: value(metrics, f"gateway_database_{name}")
        for name in ("operations_total", "errors_total", "refused_total", "seconds_total", "pending", "pending_bytes")
    }
    assert list(shown.values()) == [9, 3, 2, 0.5, 1, 70]
    assert value(metrics, "gateway_database_left_alone") == 1
    health.operations = 10
    assert value(metrics, "gateway_database_operations_total") == 10


def test_a_store_without_a_database_has_no_such_series(metrics: Metrics) -> None:
    metrics.registry.register(DatabaseCollector(None))
    assert value(metrics, "gateway_database_operations_total") is None


@pytest.mark.parametrize("termination", ["completed", "failed_upstream_status"])
def test_names_that_clients_think_up_make_a_bounded_number_of_series(metrics: Metrics, termination: str) -> None:
    for number in range(10_000):
        metrics.count(report(f"up/model-{number}", termination, dropped=(f"field-{number}",)))
    lines = [line for line in generate_latest(metrics.registry).splitlines() if not line.startswith(b"#")]
    assert len(lines) <= MOST_SERIES
    total = value(metrics, "gateway_requests_total", route=ROUTE, status="200", termination=termination)
    assert total == 10_000


@pytest.mark.alone
def test_counting_costs_little_beside_a_request(metrics: Metrics) -> None:
    """A short request takes the gateway 400 us or more; the bound is far above the 30 us that were measured."""
    one = report()
    start = time.process_time()
    for _ in range(500):
        metrics.count(one)
    assert (time.process_time() - start) / 500 < 0.0005


def test_the_blocks_that_python_has_are_told(metrics: Metrics) -> None:
    before = value(metrics, "python_allocated_blocks")
    kept = [object() for _ in range(10_000)]
    after = value(metrics, "python_allocated_blocks")
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(len(kept), abs=1000)
    assert after == pytest.approx(sys.getallocatedblocks(), abs=1000)
