"""Plausible values from the user's words."""

import pytest

from gateway.demo.suggestions import Suggestions


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("city", "weather in Rome", "Rome"),
        ("city", 'weather "Rome"', "Rome"),
        ("city", "weather", "Paris"),
        ("cmd", "run `ls -la`", "ls -la"),
        ("command", "run something", "echo 'hello from the demo upstream'"),
        ("file_path", "open src/a.py", "src/a.py"),
        ("filePath", "open it", "README.md"),
        ("url", "fetch https://example.org/x", "https://example.org/x"),
        ("url", "fetch it", "https://example.com/"),
        ("query", "search for pandas", "pandas"),
        ("query", "pandas!", "pandas!"),
        ("message", "tell them", "tell them"),
        ("message", "", "hello"),
        ("author_name", "a book", "Ada Lovelace"),
        ("title", "a book about cats", "cats"),
        ("flavour", "a cake", "example flavour"),
    ],
)
def test_a_text_fits_its_name(name: str, message: str, expected: str) -> None:
    subjects = {"weather in Rome": ["Rome"], "search for pandas": ["pandas"], "a book about cats": ["cats"]}
    assert Suggestions(message, subjects.get(message, [])).text(name) == expected


def test_numbers_are_handed_out_once() -> None:
    suggestions = Suggestions("add 3 and 4", [])
    assert [suggestions.number() for _ in range(3)] == [3, 4, None]


def test_the_option_in_the_message_is_taken() -> None:
    suggestions = Suggestions("in fahrenheit please", [])
    assert suggestions.option(["celsius", "fahrenheit"]) == "fahrenheit"
    assert suggestions.option([1, "celsius"]) == 1
