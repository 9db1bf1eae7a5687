"""Strings and numbers within bounds."""

import re
from fractions import Fraction

import pytest

from gateway.codec.json import JSONObject
from gateway.demo.schema_scalars import number_example, string_example


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "hello"),
        ({"maxLength": 3}, "hel"),
        ({"minLength": 7}, "hello.."),
        ({"format": "date"}, "2026-01-31"),
        ({"format": "unheard-of"}, "hello"),
        ({"pattern": "^h"}, "hello"),
        ({"pattern": "^\\d{4}-\\d\\d-\\d\\d$"}, "2026-01-31"),
        ({"pattern": "^[A-Z]{3}$", "minLength": 3}, "ABC"),
        ({"pattern": "["}, "hello"),
    ],
)
def test_a_string_fits(schema: JSONObject, expected: str) -> None:
    assert string_example(schema, "hello") == expected


def test_later_places_in_a_list_get_another_text() -> None:
    assert string_example({}, "hello", 1) == "hello 2"


def test_a_costly_pattern_is_tried_on_short_texts_only() -> None:
    text = "a" * 200
    assert re.fullmatch("a+", string_example({"pattern": "^(a+)+$"}, text))


NUMBERS = [
    ({}, None, 1),
    ({}, 36.0, 36),
    ({"default": 0}, None, 0),
    ({"minimum": 5}, None, 5),
    ({"maximum": -5}, None, -5),
    ({"minimum": 5, "maximum": 10}, 36.0, 10),
    ({"exclusiveMinimum": 5}, None, 6),
    ({"exclusiveMaximum": 5}, 9.0, 4),
    ({"multipleOf": 7}, 36.0, 35),
    ({"multipleOf": 0.5}, 3.0, 3),
    ({"minimum": 1, "multipleOf": 4}, None, 4),
    ({"minimum": -3, "maximum": 3}, 0.0, 0),
]


@pytest.mark.parametrize(("schema", "wanted", "expected"), NUMBERS)
def test_an_integer_fits(schema: JSONObject, wanted: float | None, expected: int) -> None:
    number = number_example(schema, wanted, is_integer=True)
    assert number == expected
    assert isinstance(number, int)


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"minimum": 0, "maximum": 1}, None),
        ({"exclusiveMinimum": 0, "maximum": 1}, 0.0),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, 2.0),
        ({"exclusiveMinimum": 0}, None),
        ({"exclusiveMaximum": 0}, 5.0),
        ({"minimum": 0.25, "multipleOf": 0.1}, None),
        ({}, 2.5),
    ],
)
def test_a_float_fits(schema: JSONObject, wanted: float | None) -> None:
    number = number_example(schema, wanted, is_integer=False)
    assert schema.get("minimum", number) <= number <= schema.get("maximum", number)
    assert schema.get("exclusiveMinimum", number - 1) < number < schema.get("exclusiveMaximum", number + 1)
    assert Fraction(str(number)) % Fraction(str(schema.get("multipleOf", number or 1))) == 0


def test_later_places_in_a_list_get_another_number() -> None:
    assert [number_example({"multipleOf": 5}, 5.0, place, is_integer=True) for place in range(3)] == [5, 10, 15]
