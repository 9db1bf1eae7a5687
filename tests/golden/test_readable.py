"""The form in which golden files hold JSON."""

from gateway.codec.json import loads
from tests.golden.readable import WIDTH, cut, readable


def test_what_fits_is_one_line_and_everything_else_has_a_line_for_each_member() -> None:
    assert readable({"b": [1, None, True], "a": {}}) == '{"b": [1, null, true], "a": {}}'
    long = {"first": ["x" * 60, "y" * 60], "second": []}
    assert readable(long).splitlines()[:2] == ["{", '  "first": [']
    assert loads(readable(long)) == long
    assert all(len(line) <= WIDTH for line in readable(long).splitlines())


def test_a_long_text_is_cut_and_still_shows_every_change() -> None:
    text = "a" * 300 + "b" + "c" * 300
    assert cut(text[:400]) == text[:400]
    assert len(cut(text)) < 400
    assert "<<601 characters, sha256 " in cut(text)
    assert cut(text) != cut(text.replace("b", "d"))
