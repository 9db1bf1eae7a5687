"""How an exchange went, in the words of the log and of the response header that tells who was asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.ports import Target
from gateway.telemetry.pace import Pace
from gateway.telemetry.usage import Consumption, cost_of, prices_for
from gateway.translate.signals import Usage
from gateway.translate.translation import EMPTY_ANSWER
from gateway.upstream.gate import SHED

ATTEMPTS_HEADER = "x-gateway-attempts"
_NAME_CHARACTERS = 100
_SAFE_IN_NAMES = "/.:@+_-~"

_TERMINATIONS = {
    ErrorKind.UPSTREAM_UNREACHABLE: "upstream_connect",
    ErrorKind.UPSTREAM_TLS: "upstream_connect",
    ErrorKind.UPSTREAM_PROTOCOL: "upstream_protocol",
    ErrorKind.SHUTTING_DOWN: "drained",
    ErrorKind.OVERLOADED: "shed",
    ErrorKind.KEY_LIMITED: "limited",
    ErrorKind.BUDGET_SPENT: "limited",
    ErrorKind.STATE_UNAVAILABLE: "store_unavailable",
    ErrorKind.INTERNAL: "gateway_error",
}
_TIMEOUT_TERMINATIONS = {
    "upstream_connect_timeout": "upstream_connect",
    "upstream_total_timeout": "total_timeout",
}
_CUT_OFF = "cut_off"
"""What stands in the place of the upstream's own word when it broke off without one."""


def termination_of(error: GatewayError) -> str:
    """The word for how an exchange ended with this error."""
    if error.upstream_code in SHED:
        return "shed"
    if error.kind in _TERMINATIONS:
        return _TERMINATIONS[error.kind]
    if error.upstream_code is not None:
        return "upstream_reset" if error.upstream_code == _CUT_OFF else "failed_upstream_status"
    if error.kind is ErrorKind.TIMEOUT:
        return _TIMEOUT_TERMINATIONS.get(error.code or "", "upstream_idle")
    return "client_error" if error.rule.source == "client" else "failed_upstream_status"


@dataclass(slots=True)
class Outcome:
    """How an exchange went; `termination` is a word of a closed list, None until it is known."""

    termination: str | None = None
    provider: str = ""
    upstream_model: str = ""
    upstream_code: str | None = None
    limit: str = ""
    """The name of the setting that refused it."""
    attempts: list[str] = field(default_factory=list)
    """Who was asked, in order, each `provider/model:word`."""
    consumption: Consumption | None = None
    dropped: Sequence[str] = ()
    """What could not be carried over to the last target."""
    pace: Pace | None = None
    """How its events flow; None where the client gets none."""

    def fail(self, error: GatewayError) -> None:
        """The exchange ended with this error."""
        self.termination = termination_of(error)
        self.upstream_code = error.upstream_code
        self.limit = error.limit

    def ask(self, target: Target) -> None:
        """A target has its turn."""
        self.provider, self.upstream_model = target.upstream.settings.name, target.model
        self.attempts.append(f"{_shown(self.provider, target.model[:_NAME_CHARACTERS])}:waiting")

    def settle(self, error: GatewayError | None) -> None:
        """How the turn went; without an error the answer has begun."""
        name, _, _ = self.attempts[-1].rpartition(":")
        self.attempts[-1] = f"{name}:{'ok' if error is None else word_of(error)}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header that tells who was asked until now."""
        return [(ATTEMPTS_HEADER, ", ".join(self.attempts))] if self.attempts else []

    def blame(self, error: GatewayError) -> GatewayError:
        """The error with that header, for an answer that is an error."""
        error.headers.update(self.headers)
        return error

    def account(self, usage: Usage, target: Target) -> None:
        """What the exchange used at the last target."""
        prices = prices_for(target.model, target.upstream.settings.prices)
        cost = None
        if prices is not None:
            cost = cost_of(
                prices,
                input_tokens=usage.input_tokens,
                cached_tokens=usage.cached_tokens,
                output_tokens=usage.output_tokens,
            )
        self.consumption = Consumption(
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
            is_estimated=usage.estimated,
            cost=cost,
        )


@lru_cache
def _shown(provider: str, model: str) -> str:
    return quote(f"{provider}/{model}", safe=_SAFE_IN_NAMES, errors="replace")


def word_of(error: GatewayError) -> str:
    """A refusal of the gate and an empty answer by their own word, a status by its number, all else as in the log."""
    if error.upstream_code in SHED or error.upstream_code == EMPTY_ANSWER:
        return str(error.upstream_code)
    return str(error.upstream_status) if error.upstream_status is not None else termination_of(error)
