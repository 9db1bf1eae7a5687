"""Damaged JSON is read as far as its meaning is certain."""

import pytest

from gateway.codec.lenient_json import loads_leniently, well_formed


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (rb'"\ud83d"', "\ud83d"),
        (b'"a\nb"', "a\nb"),
        (b"[1.5, null]", [1.5, None]),
    ],
)
def test_damaged_text_is_read(data: bytes, value: object) -> None:
    assert loads_leniently(data) == value


@pytest.mark.parametrize("data", [b"-Infinity", b'{"a": NaN}', b"{", b"<html>", b""])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        loads_leniently(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain", "plain"), ("\ud83d\ude80", "\U0001f680"), ("a\ud83db", "a\ufffdb"), ("é\U0001f680", "é\U0001f680")],
)
def test_surrogates_are_joined_or_replaced(text: str, expected: str) -> None:
    assert well_formed(text) == expected
