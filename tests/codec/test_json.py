"""Bodies: what is refused, where, and that nothing of them is ever repeated."""

import tracemalloc
from collections.abc import Callable

import pytest
from msgspec import Struct

from gateway.codec.json import JSONValue, convert, dumps, loads, parse_body
from gateway.errors import ErrorKind, GatewayError
from gateway.spec.requests import CreateRequest


def parse(data: bytes, depth: int = 100, containers: int = 1000) -> JSONValue:
    return parse_body(data, max_depth=depth, max_containers=containers)


def refused(run: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        run()
    return caught.value


def test_a_value_survives_the_way_out_and_in() -> None:
    value = {"a": [1, 2.5, None, True, "é\u2028\x00"]}
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("value", [{}, "x" * 100, ["y" * 100_000]])
def test_what_is_written_takes_no_more_memory_than_it_needs(value: JSONValue) -> None:
    """orjson's own result does: thousands of small stored items would take 4 KiB each."""
    tracemalloc.start()
    try:
        written = dumps(value)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < len(written) + 200


def test_an_object_is_parsed() -> None:
    assert parse(b' {"a": [1, {"b": "x"}]} ') == {"a": [1, {"b": "x"}]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"secret":',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"secret": NaN}',
        b'{"secret": 1e400}',
        b'{"secret": ' + b"9" * 5000 + b"}",
        b'{"secret": "\\ud800"}',
        b'{"secret": 1} x',
    ],
)
def test_what_is_no_json_is_refused_with_a_place_and_no_echo(data: bytes) -> None:
    error = refused(lambda: parse(data))
    assert error.kind is ErrorKind.INVALID_JSON
    assert "line 1, column" in error.message
    assert "secret" not in error.message


def test_the_place_is_the_line_and_column_of_the_mistake() -> None:
    assert "(line 2, column 6)" in refused(lambda: parse(b'{\n"a": x}')).message


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"1", b"null"])
def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    assert refused(lambda: parse(data)).kind is ErrorKind.INVALID_TYPE


@pytest.mark.parametrize("depth", [101, 254, 1024, 1025, 20_000])
def test_a_body_that_is_too_deep_is_refused_as_such(depth: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        data = b'{"a":' + opening * (depth - 1) + b"1" + closing * (depth - 1) + b"}"
        error = refused(lambda data=data: parse(data, containers=100_000))  # type: ignore[misc]
        assert error.kind is ErrorKind.INVALID_VALUE
        assert "deep" in error.message


def test_the_greatest_depth_is_accepted() -> None:
    parse(b'{"a":' + b"[" * 99 + b"]" * 99 + b"}")


def test_whatever_is_accepted_can_be_written_again() -> None:
    deepest = b'{"a":' + b"[" * 239 + b"]" * 239 + b"}"
    assert dumps({"x": [{"y": {"z": parse(deepest, depth=1000)}}]})
    assert "deep" in refused(lambda: parse(b'{"a":' + b"[" * 240 + b"]" * 240 + b"}", depth=1000)).message


def test_too_many_containers_are_refused() -> None:
    assert "too many" in refused(lambda: parse(b'{"a":[' + b"{}," * 1000 + b"1]}")).message


def test_too_many_plain_values_are_refused() -> None:
    assert "too many" in refused(lambda: parse(b'{"a":[' + b"1," * 5000 + b"1]}")).message


def test_brackets_and_commas_inside_strings_do_not_count() -> None:
    text = '{[,"\\' * 5000
    assert parse(dumps({"a": text, "b": ["", "[", "\\", '"'] * 10})) == {"a": text, "b": ["", "[", "\\", '"'] * 10}


@pytest.mark.parametrize("digits", [2**64, -(2**63) - 1, 10**25])
def test_an_integer_that_would_lose_digits_is_refused(digits: int) -> None:
    error = refused(lambda: parse(b'{"s":"\\\\","a":[%d]}' % digits))
    assert error.kind is ErrorKind.INVALID_VALUE
    assert "64 bits" in error.message


@pytest.mark.parametrize("digits", [2**64 - 1, 2**63, -(2**63), 0])
def test_an_integer_of_64_bits_stays_exact(digits: int) -> None:
    assert parse(b'{"a":%d}' % digits) == {"a": digits}


def test_a_large_float_is_a_float_and_digits_in_a_string_are_text() -> None:
    assert parse(b'{"a":1e30,"b":"99999999999999999999999","c":12345678901234567890123.5}')["a"] == 1e30


def test_of_a_repeated_member_the_last_one_counts() -> None:
    assert parse(b'{"a":1,"a":2}') == {"a": 2}


class Inner(Struct):
    url: str
    size: int = 0


class Outer(Struct):
    parts: list[Inner]
    names: dict[str, str] = {}


@pytest.mark.parametrize(
    ("value", "kind", "param"),
    [
        ({}, ErrorKind.MISSING_PARAMETER, "input[3].parts"),
        ({"parts": [{}]}, ErrorKind.MISSING_PARAMETER, "input[3].parts[0].url"),
        ({"parts": [{"url": "a"}, {"url": 1}]}, ErrorKind.INVALID_TYPE, "input[3].parts[1].url"),
        ({"parts": 1}, ErrorKind.INVALID_TYPE, "input[3].parts"),
        ({"parts": [], "names": {"secret": 1}}, ErrorKind.INVALID_TYPE, "input[3].names"),
        ([], ErrorKind.INVALID_TYPE, "input[3]"),
    ],
)
def test_an_error_of_conversion_names_its_exact_place(value: JSONValue, kind: ErrorKind, param: str) -> None:
    error = refused(lambda: convert(value, Outer, "input[3]"))
    assert (error.kind, error.param) == (kind, param)
    assert param in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    "value",
    [{"truncation": "secret"}, {"temperature": 3}, {"metadata": {"secret" * 20: "x"}}, {"top_logprobs": 21}],
)
def test_a_value_out_of_range_is_refused_without_repeating_it(value: JSONValue) -> None:
    error = refused(lambda: convert({"model": "m"} | value, CreateRequest, ""))
    assert (error.kind, error.param) == (ErrorKind.INVALID_VALUE, next(iter(value)))
    assert "secret" not in error.message


def test_what_is_not_looked_at_keeps_its_identity() -> None:
    inner = {"deep": [1]}
    request = convert({"model": "m", "tools": [{"parameters": inner}]}, CreateRequest, "")
    assert request.tools is not None
    assert request.tools[0]["parameters"] is inner
