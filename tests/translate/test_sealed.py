"""What travels sealed has one form, and anything else is nothing."""

import pytest

from gateway.codec.json import JSONObject, dumps
from gateway.translate.sealed import Sealed, SealedReasoning, SealedSummary, decode, encode, joined_details


@pytest.mark.parametrize(
    "sealed",
    [
        SealedReasoning("thought", "up", [{"type": "reasoning.text", "text": "t"}], {"c": {"x": 1}}),
        SealedReasoning(),
        SealedSummary("what happened"),
    ],
)
def test_what_is_encoded_is_decoded(sealed: Sealed) -> None:
    assert decode(encode(sealed)) == sealed


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b'{"type":"later"}', dumps({"type": "reasoning", "text": 5})])
def test_anything_else_is_nothing(data: bytes | None) -> None:
    assert decode(data) is None


@pytest.mark.parametrize(
    ("pieces", "entries"),
    [
        (
            [
                {"type": "reasoning.text", "text": "Add ", "format": "f", "index": 0},
                {"type": "reasoning.text", "text": "it.", "format": "f", "index": 0},
                {"type": "reasoning.text", "signature": "s", "format": "f", "index": 0},
                {"type": "reasoning.encrypted", "data": "x", "index": 1},
            ],
            [
                {"type": "reasoning.text", "text": "Add it.", "format": "f", "index": 0, "signature": "s"},
                {"type": "reasoning.encrypted", "data": "x", "index": 1},
            ],
        ),
        ([{"text": "a"}, {"text": "b"}], [{"text": "a"}, {"text": "b"}]),
        ([{"index": 0, "text": None}, {"index": 0, "text": "a"}], [{"index": 0, "text": "a"}]),
    ],
)
def test_pieces_of_one_entry_are_joined(pieces: list[JSONObject], entries: list[JSONObject]) -> None:
    assert joined_details(pieces) == entries
