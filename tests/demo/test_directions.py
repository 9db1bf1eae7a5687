"""The steering words in a message."""

import pytest

from gateway.demo.directions import Directions, read_directions


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Hello there", Directions("Hello there")),
        ("slow 8 please", Directions("please", wait_seconds=8)),
        ("SLOW", Directions("", wait_seconds=5)),
        ("slow 0.5", Directions("", wait_seconds=0.5)),
        ("slow 999", Directions("", wait_seconds=60)),
        ("Pause 3, then go on", Directions(", then go on", pause_seconds=3)),
        ("pause", Directions("", pause_seconds=3)),
        ("a long 2000 story", Directions("a story", length=2000)),
        ("long 999999", Directions("", length=100_000)),
        ("fail 429", Directions("", failure_status=429)),
        ("Fail 500 slow 2", Directions("", failure_status=500, wait_seconds=2)),
        ("please cut", Directions("please", ending="cut")),
        ("ERROR", Directions("", ending="error")),
        ("refuse", Directions("", ending="refuse")),
        ("empty", Directions("", ending="empty")),
        ("filter", Directions("", ending="filter")),
    ],
)
def test_each_direction_is_read(message: str, expected: Directions) -> None:
    assert read_directions(message) == expected


@pytest.mark.parametrize("message", ["How long is it?", "haircut", "slowly", "fail 200", "terror", "I fail", "paused"])
def test_other_words_are_no_directions(message: str) -> None:
    assert read_directions(message) == Directions(message)


def test_directions_combine() -> None:
    assert read_directions("long 20 slow 1 pause 2 cut") == Directions("", 1, 2, 20, None, "cut")
