import msgspec
import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.retries import is_outage, moves_on, pause_before_retry
from gateway.settings import ProviderSettings


def reported(kind: ErrorKind, status: int, retry_after: float | None = None) -> GatewayError:
    return GatewayError(
        kind, "", retry_after=retry_after, upstream_code=str(status), upstream_status=status, is_reported=True
    )


UNREACHABLE = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "", upstream_code="ClientConnectorError")
TLS = GatewayError(ErrorKind.UPSTREAM_TLS, "", upstream_code="certificate_expired")
SHED = GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "", upstream_code="breaker_open")
FULL = GatewayError(ErrorKind.UPSTREAM_OVERLOADED, "", upstream_code="queue_full")
CUT = GatewayError(ErrorKind.UPSTREAM_ERROR, "", upstream_code="cut_off")
CONNECT = GatewayError(ErrorKind.TIMEOUT, "", code="upstream_connect_timeout")
SILENT = GatewayError(ErrorKind.TIMEOUT, "", code="upstream_first_byte_timeout")
TOTAL = GatewayError(ErrorKind.TIMEOUT, "", code="upstream_total_timeout")
HTML = GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "")
RATE = reported(ErrorKind.RATE_LIMITED, 429)
BUSY = reported(ErrorKind.UPSTREAM_OVERLOADED, 503)
BAD_GATEWAY = reported(ErrorKind.UPSTREAM_ERROR, 502)
LATE = reported(ErrorKind.TIMEOUT, 504)
BROKEN = reported(ErrorKind.UPSTREAM_ERROR, 500)
REFUSED = reported(ErrorKind.UPSTREAM_REJECTED, 400)
LONG = reported(ErrorKind.CONTEXT_LENGTH, 500)
UNKNOWN = reported(ErrorKind.MODEL_NOT_FOUND, 404)
QUOTA = reported(ErrorKind.INSUFFICIENT_QUOTA, 429)
STOPPING = GatewayError(ErrorKind.SHUTTING_DOWN, "")
OWN = GatewayError(ErrorKind.UNSUPPORTED_PARAMETER, "", "tools[0]")
BUG = GatewayError(ErrorKind.INTERNAL, "")

# the error, whether another target is asked, whether the same again, whether the upstream is ill
CASES = [
    (UNREACHABLE, True, True, True),
    (CONNECT, True, True, True),
    (BUSY, True, True, True),
    (BAD_GATEWAY, True, True, True),
    (LATE, True, True, True),
    (RATE, True, True, False),
    (TLS, True, False, True),
    (CUT, True, False, True),
    (SILENT, True, False, True),
    (HTML, True, False, True),
    (TOTAL, True, False, False),
    (BROKEN, True, False, False),
    (QUOTA, True, False, False),
    (UNKNOWN, True, False, False),
    (SHED, True, False, False),
    (FULL, True, False, False),
    (OWN, True, False, False),
    (REFUSED, False, False, False),
    (LONG, False, False, False),
    (STOPPING, False, False, False),
    (BUG, False, False, False),
]


def settings(**limits: object) -> ProviderSettings:
    return msgspec.convert({"name": "up", "base_url": "http://up", **limits}, ProviderSettings)


@pytest.mark.parametrize(("error", "elsewhere", "again", "ill"), CASES)
def test_what_follows_from_an_error(error: GatewayError, *, elsewhere: bool, again: bool, ill: bool) -> None:
    pause = pause_before_retry(error, settings(), tries=1, chance=0)
    assert (moves_on(error), pause is not None, is_outage(error)) == (elsewhere, again, ill)


def test_pauses_double_and_chance_shortens_them_by_at_most_a_half() -> None:
    limits = settings(max_tries=10, retry_pause_seconds=0.2)
    pauses = [pause_before_retry(BUSY, limits, tries=tries, chance=0) for tries in (1, 2, 3)]
    assert pauses == [0.2, 0.4, 0.8]
    assert pause_before_retry(BUSY, limits, tries=1, chance=1) == 0.1


def test_no_number_of_tries_makes_a_pause_endless() -> None:
    assert pause_before_retry(BUSY, settings(max_tries=5000), tries=1000, chance=0) == 60


def test_tries_are_counted() -> None:
    assert pause_before_retry(BUSY, settings(max_tries=2), tries=2, chance=0) is None


@pytest.mark.parametrize(("wanted", "pause"), [(0.05, 0.2), (3, 3), (5, 5), (5.1, None), (3600, None)])
def test_the_upstream_may_say_when(wanted: float, pause: float | None) -> None:
    limited = reported(ErrorKind.RATE_LIMITED, 429, wanted)
    assert pause_before_retry(limited, settings(), tries=1, chance=0) == pause
