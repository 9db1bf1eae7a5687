"""Log probabilities that look like some."""

import pytest

from gateway.demo.logprobs import token_logprob


@pytest.mark.parametrize("top", [0, 1, 5, 20])
@pytest.mark.parametrize("token", ["Hello", " the", "é", "🚀"])
def test_alternatives_are_distinct_and_fall(token: str, top: int) -> None:
    entry = token_logprob(token, top)
    alternatives = entry["top_logprobs"]
    values = [alternative["logprob"] for alternative in alternatives]
    assert len({alternative["token"] for alternative in alternatives}) == len(alternatives) == top
    assert values == sorted(values, reverse=True)
    assert all(value <= 0 for value in values)


def test_the_token_is_its_own_first_alternative() -> None:
    entry = token_logprob("é", 2)
    assert entry["bytes"] == [0xC3, 0xA9]
    first = entry["top_logprobs"][0]
    assert (first["token"], first["logprob"], first["bytes"]) == (entry["token"], entry["logprob"], entry["bytes"])


def test_the_same_token_has_the_same_probability() -> None:
    assert token_logprob("a", 3) == token_logprob("a", 3)
