"""Reasoning inside the text is separated at its tags, at any split."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import ThinkTags
from gateway.translate.signals import Reasoning, Text
from gateway.translate.think_tags import ThinkTagSplitter


def split(mode: ThinkTags, *pieces: str) -> list[tuple[str, str]]:
    """Runs of (kind, text)."""
    splitter = ThinkTagSplitter(mode)
    runs: list[tuple[str, str]] = []
    for signal in [signal for piece in pieces for signal in splitter.feed(piece)] + splitter.finish():
        assert isinstance(signal, Text | Reasoning)
        kind = "text" if isinstance(signal, Text) else "reasoning"
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + signal.text)
        else:
            runs.append((kind, signal.text))
    return runs


CASES: list[tuple[ThinkTags, str, list[tuple[str, str]]]] = [
    ("on", "<think>a</think>b", [("reasoning", "a"), ("text", "b")]),
    ("on", "x<thinking>a</thinking>b<think>c", [("text", "x"), ("reasoning", "a"), ("text", "b"), ("reasoning", "c")]),
    ("on", "1 < 2 <b> </think>", [("text", "1 < 2 <b> </think>")]),
    ("on", "a <thi", [("text", "a <thi")]),
    ("auto", "\n<think>a</think>b <think>c", [("text", "\n"), ("reasoning", "a"), ("text", "b <think>c")]),
    ("auto", "b <think>c", [("text", "b <think>c")]),
    (
        "implicit_open",
        "a <think> b</think>c<think>d",
        [("reasoning", "a <think> b"), ("text", "c"), ("reasoning", "d")],
    ),
]


@pytest.mark.parametrize(("mode", "text", "expected"), CASES)
def test_tags_separate_whole_and_character_by_character(
    mode: ThinkTags, text: str, expected: list[tuple[str, str]]
) -> None:
    assert split(mode, text) == expected
    assert split(mode, *text) == expected


def test_only_what_may_be_a_tag_is_held_back() -> None:
    splitter = ThinkTagSplitter("on")
    assert splitter.feed("a < b") == [Text("a < b")]
    assert splitter.feed("c <thi") == [Text("c ")]
    assert splitter.feed("s is text") == [Text("<this is text")]


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<thinking>", "<", "a", "</", " ", "think>"]), max_size=12),
    st.lists(st.integers(0, 60)),
    st.sampled_from(["auto", "on", "implicit_open"]),
)
def test_the_split_of_the_text_does_not_matter(words: list[str], cuts: list[int], mode: ThinkTags) -> None:
    text = "".join(words)
    points = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:stop] for start, stop in itertools.pairwise(points)]
    assert split(mode, *pieces) == split(mode, text)
