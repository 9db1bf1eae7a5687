from collections import Counter

import pytest

from gateway.upstream.affinity import ranked

SESSIONS = [f"session {number}" for number in range(3000)]


def order(replicas: dict[str, float], session: str) -> list[str]:
    return ranked(list(replicas), session, name=str, weight=replicas.__getitem__)


def first(replicas: dict[str, float]) -> list[str]:
    return [order(replicas, session)[0] for session in SESSIONS]


def test_a_session_has_its_order_and_keeps_it() -> None:
    replicas = {"a": 1.0, "b": 1.0, "c": 1.0}
    for session in SESSIONS[:50]:
        assert order(replicas, session) == order(dict(reversed(replicas.items())), session)
        assert sorted(order(replicas, session)) == ["a", "b", "c"]


@pytest.mark.parametrize("weights", [{"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 3.0, "b": 1.0}, {"a": 0.5, "b": 4.5}])
def test_sessions_are_shared_in_proportion_to_the_weights(weights: dict[str, float]) -> None:
    counts = Counter(first(weights))
    for name, weight in weights.items():
        assert counts[name] / len(SESSIONS) == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_a_new_replica_takes_its_share_and_moves_nothing_else() -> None:
    before, after = first({"a": 1.0, "b": 1.0}), first({"a": 1.0, "b": 1.0, "c": 1.0})
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"c"}
    assert len(moved) / len(SESSIONS) == pytest.approx(1 / 3, abs=0.03)


def test_sessions_of_a_replica_that_is_gone_spread_over_the_others() -> None:
    second = Counter(order({"a": 1.0, "b": 1.0, "c": 1.0}, one)[1] for one in SESSIONS)
    assert all(count / len(SESSIONS) == pytest.approx(1 / 3, abs=0.03) for count in second.values())


def test_any_text_is_a_session() -> None:
    assert order({"a": 1.0, "b": 1.0}, "\ud800 \0") in (["a", "b"], ["b", "a"])
