"""Calls and results: who answers whom, for histories that were interrupted, repeated or mixed up."""

import pytest

from gateway.translate.history import Call, Piece, Result
from gateway.translate.pairing import pair


def asked(call_id: str, arguments: str = "{}") -> Call:
    return Call(call_id, "f", arguments)


def answer(call_id: str | None, text: str) -> Result:
    return Result(call_id, [text])


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [
        ([asked("a"), answer("a", "1")], {"a": "1"}),
        ([asked("a"), asked("b"), answer("b", "2"), answer("a", "1")], {"a": "1", "b": "2"}),
        ([asked("a")], {"a": None}),
        ([asked("a"), answer("a", "1"), answer("a", "2")], {"a": "2"}),
        ([answer("a", "early"), asked("a")], {"a": "early"}),
        ([answer("a", "early"), asked("a"), answer("a", "1")], {"a": "1"}),
        ([asked("a"), asked("a"), answer("a", "1")], {"a": "1"}),
        ([asked("a"), asked("a", "x"), answer("a", "1"), answer("a", "2")], {"a": "1", "a_2": "2"}),
        ([asked("a"), answer("a", "1"), asked("a"), answer("a", "2")], {"a": "1", "a_2": "2"}),
        ([asked("a"), answer("a", "1"), asked("a"), asked("a_2")], {"a": "1", "a_3": None, "a_2": None}),
        ([asked("a"), asked("b"), answer(None, "1"), answer("b", "2")], {"a": "1", "b": "2"}),
        ([asked("a"), answer("a", "1"), asked("b"), answer(None, "2")], {"a": "1", "b": "2"}),
        ([answer("zzz", "lost"), answer(None, "lost")], {}),
    ],
)
def test_every_call_gets_its_result(pieces: list[Piece], answers: dict[str, str | None]) -> None:
    pairs = pair(pieces)
    found = {one.call_id: one.result.parts[0] if one.result else None for one in pairs.calls.values()}
    assert found == answers


def test_results_that_answer_nothing_are_told_apart() -> None:
    assert pair([answer("x", "lost"), asked("a"), answer("a", "1")]).answers.keys() == {2}


def test_a_result_that_a_later_one_replaces_is_lost_unless_it_says_the_same() -> None:
    pieces: list[Piece] = [asked("a"), answer("a", "1"), answer("a", "2"), answer("a", "2")]
    assert pair(pieces).lost() == [answer("a", "1")]


def test_a_repeated_call_has_no_entry() -> None:
    pairs = pair([asked("a"), asked("a")])
    assert len(pairs.asked(0)) == 1
    assert pairs.asked(1) == []


def test_a_new_id_is_not_longer_than_ids_may_be() -> None:
    pieces: list[Piece] = [asked("x" * 64), answer("x" * 64, "1"), asked("x" * 64, "y")]
    assert [one.call_id for one in pair(pieces).calls.values()] == ["x" * 64, "x" * 62 + "_2"]
