"""The error family and its two forms on the wire."""

import pytest

from gateway.errors import MESSAGE_LIMIT, ErrorKind, GatewayError, http_body, http_headers, response_error
from tests.official import check_error


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_both_forms(kind: ErrorKind) -> None:
    error = GatewayError(kind, "No.", param="input[0]")
    body = http_body(error)
    check_error(dict(body))
    assert body["error"]["param"] == "input[0]"
    assert 400 <= error.status < 600
    inner = response_error(error)
    assert inner["code"] == kind.value.stream_code
    assert inner["message"].startswith("No.")


@pytest.mark.parametrize("kind", ErrorKind)
def test_only_server_errors_and_rate_limits_are_worth_a_retry(kind: ErrorKind) -> None:
    assert not kind.value.retryable or kind.value.status >= 429


def test_a_long_message_is_cut() -> None:
    error = GatewayError(ErrorKind.UPSTREAM_ERROR, "x" * 5000)
    assert len(http_body(error)["error"]["message"]) == MESSAGE_LIMIT
    assert len(response_error(error)["message"]) == MESSAGE_LIMIT


def test_a_more_exact_code_replaces_the_usual_one() -> None:
    error = GatewayError(ErrorKind.TIMEOUT, "Late.", code="upstream_idle_timeout")
    assert http_body(error)["error"]["code"] == "upstream_idle_timeout"
    assert response_error(error)["code"] == "server_error"


def test_a_rate_limit_always_says_when_to_come_back() -> None:
    assert http_headers(GatewayError(ErrorKind.RATE_LIMITED, "Slow."))["Retry-After"] == "5"
    error = GatewayError(ErrorKind.RATE_LIMITED, "Slow.", retry_after=1.5, headers={"X": "y"})
    assert http_headers(error) == {"X": "y", "Retry-After": "2"}
    assert response_error(error)["message"] == "Slow. Please try again in 1.5s."


def test_the_sdks_are_told_not_to_try_again_what_cannot_get_better() -> None:
    assert http_headers(GatewayError(ErrorKind.UPSTREAM_CREDENTIALS, "No.")) == {"x-should-retry": "false"}
    assert http_headers(GatewayError(ErrorKind.UPSTREAM_ERROR, "No.")) == {}


def test_the_text_of_the_exception_is_its_message() -> None:
    assert str(GatewayError(ErrorKind.INTERNAL, "No.")) == "No."
