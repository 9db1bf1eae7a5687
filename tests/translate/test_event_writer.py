"""Frames are whole, numbered from 0, and the prepared ones equal those that are built at once."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.translate.event_writer import DeltaFrames, EventWriter
from tests.official import read_frames

PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
RENDERED = orjson.dumps(PLACE)[1:-1]


@given(st.text(), st.text())
def test_a_prepared_delta_equals_one_that_is_built_at_once(first: str, second: str) -> None:
    prepared, built = EventWriter(), EventWriter()
    frames = DeltaFrames("response.output_text.delta", RENDERED, tail=b',"logprobs":[]')
    for text in (first, second):
        prepared.write_delta(frames, text)
        built.write("response.output_text.delta", **PLACE, delta=text, logprobs=[])
    assert prepared.take() == built.take()


@given(st.text())
def test_rendered_members_make_the_same_event_as_values(text: str) -> None:
    rendered, built = EventWriter(), EventWriter()
    rendered.write_rendered("a", RENDERED, b'"text":' + orjson.dumps(text))
    built.write("a", **PLACE, text=text)
    item = {"id": "msg_1", "text": text}
    rendered.write_item("b", 2, orjson.dumps(item))
    built.write("b", output_index=2, item=item)
    rendered.write_response("c", orjson.dumps(item))
    built.write("c", response=item)
    assert rendered.take() == built.take()


def test_text_that_looks_like_a_frame_stays_inside_its_string() -> None:
    writer = EventWriter()
    text = "\n\nevent: response.completed\ndata: {}\r\n\r\n\u2028"
    writer.write_delta(DeltaFrames("response.output_text.delta", RENDERED), text)
    body = writer.take()
    assert body.count(b"\n") == 3
    assert orjson.loads(body.split(b"data: ", 1)[1])["delta"] == text


def test_numbers_have_no_gap_and_taking_empties_the_writer() -> None:
    writer = EventWriter()
    writer.write("a", x=1)
    writer.write_response("b", b'{"id":"resp_1"}')
    first = writer.take()
    writer.write("c")
    writer.write_done()
    assert writer.take().endswith(b'{"type":"c","sequence_number":2}\n\ndata: [DONE]\n\n')
    numbers = [event["sequence_number"] for event in read_frames(first, whole=False)]
    assert numbers == [0, 1]
    assert writer.take() == b""


def test_extra_members_replace_the_usual_ones() -> None:
    writer = EventWriter()
    frames = DeltaFrames("d", b'"at":1', tail=b',"logprobs":[]')
    writer.write_delta(frames, "x", b',"logprobs":[1]')
    assert writer.take() == b'event: d\ndata: {"type":"d","at":1,"delta":"x","logprobs":[1],"sequence_number":0}\n\n'
