import pytest

from gateway.settings import Prices
from gateway.telemetry.usage import Account, Consumption, Sum, UsageTotals, cost_of, prices_for

PRICES = Prices(input=2, cached_input=0.5, output=8)


def test_a_cost_is_that_of_its_parts() -> None:
    cost = cost_of(PRICES, input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000)
    assert cost == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 8)


def test_cached_input_costs_as_much_as_other_input_if_nothing_else_is_said() -> None:
    cost = cost_of(Prices(input=2), input_tokens=1_000_000, cached_tokens=400_000, output_tokens=5)
    assert cost == pytest.approx(2)


def test_more_cached_than_there_is_costs_no_less_than_nothing() -> None:
    assert cost_of(PRICES, input_tokens=10, cached_tokens=99, output_tokens=0) == pytest.approx(10 * 0.5 / 1e6)


def test_the_first_pattern_that_matches_has_the_price() -> None:
    prices = {"qwen3-*": PRICES, "*": Prices(input=1)}
    assert prices_for("qwen3-32b", prices) is PRICES
    assert prices_for("other", prices) == Prices(input=1)
    assert prices_for("other", {}) is None


def test_requests_are_added_up_by_account() -> None:
    totals = UsageTotals()
    laptop, server = Account("laptop", "m", "up"), Account("server", "m", "up")
    totals.add(laptop, Consumption(10, 5, 2, 1, cost=0.5))
    totals.add(laptop, Consumption(1, 1, is_estimated=True))
    totals.add(server, Consumption(7, 7))
    assert totals.sums[laptop] == Sum(2, 1, 11, 6, 2, 1, 0.5)
    assert totals.sums[server] == Sum(1, 0, 7, 7)


def test_names_that_clients_think_up_cannot_fill_the_memory() -> None:
    totals = UsageTotals()
    for number in range(5000):
        totals.add(Account("k", f"model {number}", "up"), Consumption(1, 1))
    assert len(totals.sums) == 2001
    assert sum(one.requests for one in totals.sums.values()) == 5000
