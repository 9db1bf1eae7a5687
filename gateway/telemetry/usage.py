"""What requests cost: tokens and money by key, model and provider, added up for as long as the process lives.

Nothing is written anywhere: the log has a line for each request, and the metrics show these sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from msgspec import Struct

from gateway.settings import Prices

_MILLION = 1_000_000
_MOST_SERIES = 2000
"""Clients choose names of models: without a bound they could fill the memory with them."""
_OTHER = "(other)"


class Consumption(Struct, frozen=True):
    """What one request used. `cost` is None where nobody has set a price."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    is_estimated: bool = False
    cost: float | None = None


def cost_of(prices: Prices, *, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
    """The cost of so many tokens; the cached ones are a part of the input."""
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    cached = min(cached_tokens, input_tokens)
    cost = (input_tokens - cached) * prices.input + cached * cached_price + output_tokens * prices.output
    return cost / _MILLION


def prices_for(model: str, prices: Mapping[str, Prices]) -> Prices | None:
    """The prices of the first pattern that matches the model's id at its provider."""
    for pattern, price in prices.items():
        if fnmatchcase(model, pattern):
            return price
    return None


class Account(NamedTuple):
    """Whom a request is counted for."""

    key: str
    model: str
    provider: str


@dataclass(slots=True)
class Sum:
    """What all requests of one account used together."""

    requests: int = 0
    estimated_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0

    def add(self, one: Consumption) -> None:
        """Takes one more request in."""
        self.requests += 1
        self.estimated_requests += one.is_estimated
        self.input_tokens += one.input_tokens
        self.output_tokens += one.output_tokens
        self.cached_tokens += one.cached_tokens
        self.reasoning_tokens += one.reasoning_tokens
        self.cost += one.cost or 0.0


@dataclass(slots=True)
class UsageTotals:
    """The sums of a process, by account; beyond a number of accounts, new models are counted together."""

    sums: dict[Account, Sum] = field(default_factory=dict)

    def add(self, account: Account, one: Consumption) -> None:
        """Counts a request."""
        if len(self.sums) >= _MOST_SERIES and account not in self.sums:
            account = Account(_OTHER, _OTHER, account.provider)
        if (known := self.sums.get(account)) is None:
            known = self.sums[account] = Sum()
        known.add(one)
