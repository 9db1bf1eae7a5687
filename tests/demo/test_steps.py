"""The steps of a demo answer: cut into tokens, limited, stopped."""

import pytest

from gateway.demo.steps import (
    Argue,
    Fault,
    OpenCall,
    Say,
    Script,
    Silence,
    Step,
    Think,
    middle,
    pieces,
    token_count,
    with_limit,
    with_stops,
)

TEXTS = ["", "Hello, world!", "Voilà  naïve\n\tcafé 🚀👩‍🚀", "a_very_long_identifier 123456789", " \u2028 end "]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_pieces_are_small() -> None:
    assert max(map(len, pieces("incomprehensibilities everywhere"))) <= 7


def spoken(*texts: str) -> Script:
    return Script(tuple(Say(text) for text in texts), "stop")


def test_only_tokens_are_counted() -> None:
    steps: list[Step] = [Think("a"), Say("b"), OpenCall(0, "call_1", "f"), Argue(0, "{}"), Silence(1), Fault("x")]
    assert token_count(steps) == 3


def test_a_script_within_its_limit_stays_as_it_is() -> None:
    script = spoken("a", "b")
    assert with_limit(script, 2) is script
    assert with_limit(script, None) is script


def test_a_longer_script_is_cut_and_ends_with_length() -> None:
    assert with_limit(spoken("a", "b", "c"), 2) == Script((Say("a"), Say("b")), "length")


def test_a_call_can_be_cut_in_its_arguments() -> None:
    script = Script(
        (OpenCall(0, "call_1", "f"), Argue(0, "{"), Argue(0, "}"), OpenCall(1, "call_2", "g")), "tool_calls"
    )
    assert with_limit(script, 1) == Script((OpenCall(0, "call_1", "f"), Argue(0, "{")), "length")


def test_a_stop_sequence_across_tokens_ends_the_text_before_it() -> None:
    script = with_stops(spoken("one", " two", " three"), ["o th"])
    assert script == Script((Say("one"), Say(" tw")), "stop")


def test_the_earliest_stop_sequence_counts() -> None:
    assert with_stops(spoken("abc"), ["c", "b"]).steps == (Say("a"),)


def test_a_stop_at_the_start_leaves_the_reasoning_only() -> None:
    script = Script((Think("hm"), Say("abc"), Say("def")), "stop")
    assert with_stops(script, ["a"]).steps == (Think("hm"),)


def test_a_stop_that_does_not_occur_changes_nothing() -> None:
    script = spoken("abc")
    assert with_stops(script, ["x"]) is script


def test_the_middle_is_in_the_answer_not_in_the_reasoning() -> None:
    assert middle([Think("a"), Think("b"), Think("c"), Say("d"), Say("e")]) == 4
    assert middle([]) == 0
