"""Budgets in money: what nobody counts is never spent, so that such a budget would hold nobody back."""

from gateway.access.keys import KeyRing
from gateway.configuration import ConfigurationError
from gateway.settings import Settings

_COSTS = ("cost_per_day", "cost_per_month")


def check_money(ring: KeyRing, settings: Settings) -> None:
    """Holds the keys to what the configuration is held to where it is read.

    Raises:
        ConfigurationError: a key has a budget in money, and no provider has prices.
    """
    if any(provider.prices for provider in settings.providers):
        return
    problems = [
        f"{settings.auth.keys_file}: key {key.name!r}: {cost}: no provider has prices"
        for _, key in ring.entries.values()
        for cost in _COSTS
        if getattr(key.limits, cost)
    ]
    if problems:
        raise ConfigurationError(problems)
