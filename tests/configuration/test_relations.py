from pathlib import Path

import pytest

from gateway.configuration import load
from tests.configuration.files import PROVIDER, problems, written


def test_a_default_model_that_nobody_can_have_is_told(tmp_path: Path) -> None:
    server = '[server]\ndefault_model = "coder"\n'
    assert problems(
        tmp_path, server + PROVIDER + 'models = ["qwen*"]\n[[models]]\nid = "coders"\ntargets = ["local/m"]'
    ) == ['server.default_model: no provider or alias has this model; did you mean "coders"?']


@pytest.mark.parametrize(
    ("model", "models"),
    [("local/any", '["q"]'), ("alias", '["q"]'), ("qwen3", '["qwen*"]'), ("anything", "[]"), ("", '["q"]')],
)
def test_a_default_model_that_somebody_may_have_is_taken(tmp_path: Path, model: str, models: str) -> None:
    alias = '[[models]]\nid = "alias"\ntargets = ["local/q"]'
    text = f'[server]\ndefault_model = "{model}"\n{PROVIDER}models = {models}\n{alias}'
    assert load(written(tmp_path, text), {}).server.default_model == model


@pytest.mark.parametrize(
    "text",
    ["[limits]\nmax_body_bytes_in_flight = 1000\n", "[server]\nmax_body_bytes = 2000000000\n"],
)
def test_a_body_that_is_allowed_must_fit_among_those_in_flight(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["limits.max_body_bytes_in_flight: must be 0, or at least server.max_body_bytes"]


def test_bodies_in_flight_may_have_no_cap(tmp_path: Path) -> None:
    text = "[server]\nmax_body_bytes = 2000000000\n[limits]\nmax_body_bytes_in_flight = 0\n"
    assert load(written(tmp_path, text), {}).limits.max_body_bytes_in_flight == 0


@pytest.mark.parametrize("name", ["cost_per_day", "cost_per_month"])
def test_a_budget_of_money_needs_prices(tmp_path: Path, name: str) -> None:
    text = f"[limits]\n{name} = 5\n{PROVIDER}"
    assert problems(tmp_path, text) == [f"limits.{name}: no provider has prices"]
    prices = "[providers.prices]\n'*' = { input = 1 }\n"
    assert getattr(load(written(tmp_path, text + prices), {}).limits, name) == 5
