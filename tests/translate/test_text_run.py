"""The short way of a text by itself; that it says what the long way says is in test_plain_chunks.py."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.translate.event_writer import DeltaFrames, EventWriter
from gateway.translate.text_run import TextRun
from tests.official import read_frames

START, END = b'data: {"text":"', b'"}\n\n'
FRAMES = DeltaFrames("d", b'"index":0', tail=b',"logprobs":[]')
TEXTS = st.text(min_size=1, max_size=6) | st.sampled_from(['"', "\\", "\u2028", "\x7f", "</script>", "\U0001f600"])


def events_of(texts: list[str]) -> bytes:
    return b"".join(START + orjson.dumps(text)[1:-1] + END for text in texts)


def written(writer: EventWriter, texts: list[str]) -> bytes:
    writer.write_deltas(FRAMES, texts)
    return writer.take()


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=4))
def test_the_frames_are_those_that_the_writer_would_write(pieces: list[list[str]]) -> None:
    texts: list[str] = []
    run = TextRun(START, END, 10_000).into(texts, FRAMES, EventWriter())
    writer = EventWriter()
    for piece in pieces:
        assert run.feed(events_of(piece)) == written(writer, piece)
    assert texts == [text for piece in pieces for text in piece]


def test_what_needs_no_escape_is_written_without_one() -> None:
    run = TextRun(START, END, 10_000).into([], FRAMES, EventWriter())
    frames = run.feed(START + rb"\u20ac\/" + END)
    assert frames == written(EventWriter(), ["\u20ac/"])


def test_numbers_go_on_where_others_have_written_between() -> None:
    writer = EventWriter()
    run = TextRun(START, END, 10_000).into([], FRAMES, writer)
    body = run.feed(events_of(["a"]))
    writer.write("keepalive")
    body += writer.take() + run.feed(events_of(["b", "c"]))
    assert [event["sequence_number"] for event in read_frames(body, whole=False)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        START + END,
        START + b"a" + END[:-1],
        START + b'a","other":"' + END,
        START + b"a\xff" + END,
        START + b"a\r" + END,
        START + b"a" + END + START + END,
        START + b"a" + END + b": comment\n\n" + START + b"b" + END,
        START + b"a" * 100 + END,
    ],
)
def test_what_is_no_chunk_of_the_form_changes_nothing(body: bytes) -> None:
    texts: list[str] = []
    run = TextRun(START, END, 100).into(texts, FRAMES, writer := EventWriter())
    assert run.feed(body) == b""
    assert (texts, run.room, writer.number, writer.take()) == ([], 100, 0, b"")


MARKS = st.lists(
    st.sampled_from(['"', "\\", ",", "\n", "[", "]", "{", "}", ":", "a", "", '"a"', '"b",', ',"c"']), max_size=4
).map(lambda marks: "".join(marks).encode())
"""What would be taken for two strings, or for half of one, if only the marks at both ends counted."""


def text_of(inside: bytes) -> str:
    """The text, if this is one JSON string between its marks."""
    try:
        text: str = orjson.loads(b'"%b"' % inside)
    except orjson.JSONDecodeError:
        return ""
    return text


@given(insides=st.lists(MARKS, min_size=2, max_size=4))
@settings(max_examples=1000)
def test_several_strings_are_told_apart(insides: list[bytes]) -> None:
    texts = [text_of(inside) for inside in insides]
    run = TextRun(START, END, 10_000).into([], FRAMES, EventWriter())
    frames = run.feed(b"".join(START + inside + END for inside in insides))
    assert frames == (written(EventWriter(), texts) if all(texts) else b"")


def test_a_list_over_several_chunks_is_no_text() -> None:
    """The first chunk opens a list that the last one closes: as many values as chunks, and none of them is a string."""
    run = TextRun(START, END, 10_000).into([], FRAMES, EventWriter())
    insides = (b'a",["b', b"c", b'd"],"e')
    assert run.feed(b"".join(START + inside + END for inside in insides)) == b""
