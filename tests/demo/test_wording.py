"""What is read out of the user's words."""

import pytest

from gateway.demo import wording


def test_names_fall_apart_into_words() -> None:
    assert wording.words("get_weatherReport-2") == ["get", "weather", "report", "2"]
    assert wording.word_stems("city cities cars") == {"city", "citie", "car"}


def test_a_clipped_text_ends_after_a_word() -> None:
    assert wording.clipped("one two three four", 12) == "one two…"
    assert wording.clipped("incomprehensible", 4) == "inco…"


def test_a_clipped_text_is_one_printable_line() -> None:
    assert wording.clipped("a\n\tb\x00\u202ec", 20) == "a b c"


@pytest.mark.parametrize("message", ["run `ls -la` now", 'say "ls -la"', "“ls -la”", "«ls -la»"])
def test_quotes_are_found(message: str) -> None:
    assert wording.quoted(message) == "ls -la"


def test_nothing_is_quoted_in_plain_words() -> None:
    assert wording.quoted("it's fine") is None


def test_web_addresses_and_paths_are_told_apart() -> None:
    message = "read src/app.py and https://example.com/a.html."
    assert wording.url(message) == "https://example.com/a.html"
    assert wording.path(message) == "src/app.py"
    assert wording.url("nothing") is None
    assert wording.path("https://example.com/a.html") is None


def test_numbers_are_found_in_order() -> None:
    assert wording.numbers("add 3 and -4.5, not v2 or 1.2.3x") == [3.0, -4.5]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("What's the weather in Paris?", ["Paris"]),
        ("weather in Paris and Rome", ["Paris", "Rome"]),
        ("weather in paris, rome and new york today", ["paris", "rome", "new york"]),
        ("the weather in Paris and the time in Tokyo", ["Paris", "Tokyo"]),
        ("search for the red pandas please", ["red pandas"]),
        ("hello", []),
        ("and now something completely different", []),
        ("weather in São Paulo and Zürich", ["São Paulo", "Zürich"]),
    ],
)
def test_subjects_follow_prepositions(message: str, expected: list[str]) -> None:
    assert wording.subjects(message) == expected


def test_known_words_are_no_subjects() -> None:
    assert wording.subjects("the weather in Paris and the time", {"time"}) == ["Paris"]
