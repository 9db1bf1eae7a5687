"""JSON in pieces: the end of an object, and the `input` string of a wrapped freeform tool call."""

import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.codec.partial_json import InputField, ObjectEnd, unescape

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON_VALUES), st.booleans())
def test_an_object_is_complete_at_its_last_character_and_not_before(value: dict[str, object], ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    end = ObjectEnd()
    for character in text[:-1]:
        end.feed(character)
    assert not end.is_complete
    end.feed(text[-1])
    assert end.is_complete


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_an_object_in_one_piece_is_complete(value: dict[str, object]) -> None:
    end = ObjectEnd()
    end.feed(json.dumps(value))
    assert end.is_complete


def pieces(text: str, cuts: list[int]) -> list[str]:
    points = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:stop] for start, stop in itertools.pairwise(points)]


@given(st.text(), st.lists(st.integers(0, 500)), st.booleans())
@example('\U0001f680\\"\n', list(range(40)), True)
def test_the_input_comes_out_unescaped_at_any_split(text: str, cuts: list[int], ascii_only: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    field = InputField()
    decoded = "".join(field.feed(piece) for piece in pieces(arguments, cuts))
    assert decoded + field.finish(text) == text
    assert decoded == text


def test_the_text_comes_out_as_it_arrives() -> None:
    field = InputField()
    assert [field.feed(piece) for piece in ('{"in', 'put": "*** Be', "gin\\", "nPatch\\u00", 'e9", "x": 1}')] == [
        "",
        "*** Be",
        "gin",
        "\nPatch",
        "é",
    ]
    assert field.finish("ignored") == ""


@pytest.mark.parametrize("arguments", ["*** Begin Patch\n" + "+x\n" * 40, '{"patch": "x"}', "", '{"in'])
def test_another_form_is_settled_at_the_end(arguments: str) -> None:
    field = InputField()
    assert "".join(field.feed(character) for character in arguments) == ""
    assert field.finish(None) == arguments
    other = InputField()
    other.feed(arguments)
    assert other.finish("settled") == "settled"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"a\/b\"c", 'a/b"c'),
        (r"\ud83d\ude80", "\U0001f680"),
        (r"\ud83d", "\ufffd"),
        (r"\ud83d x", "\ufffd x"),
        (r"\q\u12", "qu12"),
    ],
)
def test_escapes_are_read_leniently(escaped: str, text: str) -> None:
    assert unescape(escaped) == text


@given(st.text(alphabet='\\"u0d83cQe{}', max_size=60), st.lists(st.integers(0, 500)))
def test_broken_escapes_do_not_depend_on_the_split(escaped: str, cuts: list[int]) -> None:
    arguments = '{"input":"' + escaped
    whole, cut = InputField(), InputField()
    in_one = whole.feed(arguments)
    in_pieces = "".join(cut.feed(piece) for piece in pieces(arguments, cuts))
    assert in_one == in_pieces
