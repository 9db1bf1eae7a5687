import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome, termination_of
from gateway.translate.signals import Usage
from tests.exchange.worlds import targets_of, upstream

BUSY = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "busy", upstream_code="503")
REFUSED = GatewayError(ErrorKind.UPSTREAM_REJECTED, "refused", upstream_code="400")
CUT = GatewayError(ErrorKind.UPSTREAM_ERROR, "cut", upstream_code="cut_off")

TERMINATIONS = [
    (GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "", upstream_code="ClientConnectorError"), "upstream_connect"),
    (GatewayError(ErrorKind.TIMEOUT, "", code="upstream_connect_timeout"), "upstream_connect"),
    (GatewayError(ErrorKind.TIMEOUT, "", code="upstream_total_timeout"), "total_timeout"),
    (GatewayError(ErrorKind.TIMEOUT, "", code="upstream_idle_timeout"), "upstream_idle"),
    (GatewayError(ErrorKind.TIMEOUT, "", upstream_code="504"), "failed_upstream_status"),
    (GatewayError(ErrorKind.UPSTREAM_PROTOCOL, ""), "upstream_protocol"),
    (CUT, "upstream_reset"),
    (BUSY, "failed_upstream_status"),
    (REFUSED, "failed_upstream_status"),
    (GatewayError(ErrorKind.RATE_LIMITED, ""), "failed_upstream_status"),
    (GatewayError(ErrorKind.INVALID_JSON, ""), "client_error"),
    (GatewayError(ErrorKind.SHUTTING_DOWN, ""), "drained"),
    (GatewayError(ErrorKind.INTERNAL, ""), "gateway_error"),
    (GatewayError(ErrorKind.STATE_UNAVAILABLE, ""), "store_unavailable"),
    (GatewayError(ErrorKind.UPSTREAM_TLS, "", upstream_code="certificate_expired"), "upstream_connect"),
    (GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "", upstream_code="breaker_open"), "shed"),
    (GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "", upstream_code="queue_full"), "shed"),
]


@pytest.mark.parametrize(("error", "word"), TERMINATIONS)
def test_each_error_has_its_word(error: GatewayError, word: str) -> None:
    assert termination_of(error) == word


def test_nobody_was_asked_and_there_is_no_header() -> None:
    assert Outcome().headers == []


def test_an_error_tells_who_was_asked() -> None:
    outcome, (target,) = Outcome(), targets_of(upstream([], name="a"))
    outcome.ask(target)
    assert outcome.headers == [("x-gateway-attempts", "a/model:waiting")]
    outcome.settle(GatewayError(ErrorKind.RATE_LIMITED, "", upstream_status=429, upstream_code="slow_down"))
    outcome.ask(target)
    outcome.settle(None)
    error = GatewayError(ErrorKind.INTERNAL, "")
    assert outcome.blame(error) is error
    assert error.headers == {"x-gateway-attempts": "a/model:429, a/model:ok"}


def test_what_was_used_has_a_cost_only_where_there_are_prices() -> None:
    outcome, usage = Outcome(), Usage(1_000_000, 2_000_000, 3_000_000, cached_tokens=500_000, reasoning_tokens=7)
    free, paid = targets_of(upstream([]), upstream([], prices={"model": {"input": 2, "cached_input": 1, "output": 3}}))
    outcome.account(usage, free)
    assert outcome.consumption is not None
    assert outcome.consumption.cost is None
    outcome.account(usage, paid)
    assert outcome.consumption.cost == pytest.approx(0.5 * 2 + 0.5 * 1 + 2 * 3)
    assert outcome.consumption.reasoning_tokens == 7
