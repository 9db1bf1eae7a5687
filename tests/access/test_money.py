from pathlib import Path

import pytest

from gateway.access.issuing import add_key
from gateway.access.keys import KeyRing, KeyStore
from gateway.access.money import check_money
from gateway.configuration import ConfigurationError
from gateway.settings import AuthSettings, KeyLimits, ProviderSettings, Settings
from gateway.settings.providers import Prices

FREE = ProviderSettings(name="free", base_url="http://free.example/v1")
PRICED = ProviderSettings(name="priced", base_url="http://priced.example/v1", prices={"*": Prices(input=1)})


def ring_of(folder: Path, **limits: float) -> KeyRing:
    add_key(folder / "keys.toml", "ann", limits=KeyLimits(**limits))  # type: ignore[arg-type]
    return KeyStore(folder / "keys.toml").ring


@pytest.mark.parametrize("name", ["cost_per_day", "cost_per_month"])
def test_a_key_with_a_budget_of_money_needs_prices(tmp_path: Path, name: str) -> None:
    ring, auth = ring_of(tmp_path, **{name: 5}), AuthSettings(keys_file="keys.toml")
    with pytest.raises(ConfigurationError) as caught:
        check_money(ring, Settings(auth=auth, providers=(FREE,)))
    assert caught.value.problems == (f"keys.toml: key 'ann': {name}: no provider has prices",)
    check_money(ring, Settings(auth=auth, providers=(FREE, PRICED)))


def test_other_budgets_need_none(tmp_path: Path) -> None:
    check_money(ring_of(tmp_path, tokens_per_day=5, cost_per_day=0), Settings(providers=(FREE,)))
