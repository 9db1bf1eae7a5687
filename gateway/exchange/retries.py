"""What follows from an error of an upstream: whether another one is asked, the same again, and whether it is ill.

Pure decisions. Statuses lie: a 500 is often the answer to a broken request, so it is neither repeated nor held
against the upstream.
"""

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.gate import SHED

_PASSING_STATUSES = frozenset({502, 503, 504, 529})
_PASSING_KINDS = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.UPSTREAM_OVERLOADED, ErrorKind.UPSTREAM_UNREACHABLE})
_ILL_KINDS = frozenset(
    {ErrorKind.UPSTREAM_UNREACHABLE, ErrorKind.UPSTREAM_TLS, ErrorKind.UPSTREAM_PROTOCOL, ErrorKind.TIMEOUT}
)
_LONGEST_PAUSE = 60.0


def is_shed(error: GatewayError) -> bool:
    """Whether the gateway itself did not let the request go to the upstream."""
    return error.upstream_code in SHED


def is_own_refusal(error: GatewayError) -> bool:
    """Whether the gateway itself cannot say this request to this upstream."""
    return error.rule.source == "client" and error.upstream_code is None and not error.is_reported


def moves_on(error: GatewayError) -> bool:
    """Whether another target may do better."""
    if is_own_refusal(error):
        return True
    if error.kind is ErrorKind.MODEL_NOT_FOUND:
        return error.is_reported
    return error.rule.retryable and error.kind is not ErrorKind.SHUTTING_DOWN


def pause_before_retry(error: GatewayError, settings: ProviderSettings, *, tries: int, chance: float) -> float | None:
    """The seconds after which the same upstream may be asked again; None if it may not.

    Args:
        error: what it answered, before there was any output.
        settings: its limits.
        tries: how often it has been asked.
        chance: from 0 to 1, so that those who failed together do not come back together.
    """
    if tries >= settings.max_tries or not _passes(error):
        return None
    wanted = error.retry_after or 0.0
    if wanted > settings.retry_after_limit_seconds:
        return None
    pause = min(_LONGEST_PAUSE, settings.retry_pause_seconds * 2.0 ** (tries - 1))
    return float(max(wanted, pause * (1 - chance / 2)))


def _passes(error: GatewayError) -> bool:
    """Whether the same request may well succeed in a moment."""
    if is_shed(error):
        return False
    if error.kind in _PASSING_KINDS or error.upstream_status in _PASSING_STATUSES:
        return error.kind is not ErrorKind.INSUFFICIENT_QUOTA
    return error.code == "upstream_connect_timeout"


def is_outage(error: GatewayError) -> bool:
    """Whether an error that ended a request says that the upstream does not work; counts for its breaker."""
    if is_shed(error) or error.code == "upstream_total_timeout":
        return False
    if error.upstream_status is not None:
        return error.upstream_status in _PASSING_STATUSES
    return error.kind in _ILL_KINDS or error.upstream_code == "cut_off"
