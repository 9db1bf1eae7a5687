"""Instances of JSON schemas."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.schema_example import schema_example
from gateway.demo.suggestions import Suggestions
from gateway.errors import GatewayError


def example(schema: JSONValue, message: str = "", *, every_property: bool = True) -> JSONValue:
    return schema_example(schema, Suggestions(message, []), every_property=every_property)


NODE: JSONObject = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value", "children"],
}
LINK: JSONObject = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "name": {"type": "string"}},
    "required": ["next"],
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": 5}, 5),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "null"}, None),
        ({"type": "boolean"}, True),
        ({"type": "boolean", "default": False}, False),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1.0),
        ({"type": "string"}, "example value"),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null"]}, None),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 2, 3]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 1}, [1]),
        ({"type": "array", "items": {"enum": ["a"]}, "uniqueItems": True}, ["a"]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}, {"const": 3}], "items": False}, [1, 2, 3]),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": False}, [1]),
        ({"items": {"const": 1}}, [1, 1]),
        ({"minimum": 3}, 3.0),
        ({"minLength": 20}, "example value......."),
        ({"anyOf": [{"type": "null"}, {"const": 2}]}, 2),
        ({"oneOf": [{"type": "null"}]}, None),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
        (
            {"allOf": [{"required": ["a"], "properties": {"a": {"const": 1}}}, {"required": ["b"]}]},
            {"a": 1, "b": "example b"},
        ),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}, {"a": 1, "b": 2}),
        ({"type": "object", "additionalProperties": {"const": 1}}, {"example_1": 1}),
        (
            {"type": "object", "minProperties": 2, "additionalProperties": {"const": 1}},
            {"example_1": 1, "example_2": 1},
        ),
        ({"type": "object"}, {}),
        (True, "example value"),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"const": 4}}}, 4),
        (
            {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
            {"value": 1, "children": [{"value": 1, "children": []}, {"value": 2, "children": []}]},
        ),
        (LINK, {"next": {"next": None}, "name": "Ada Lovelace"}),
    ],
)
def test_an_instance_fits_its_schema(schema: JSONValue, expected: JSONValue) -> None:
    assert example(schema) == expected


def test_required_properties_are_enough_when_asked() -> None:
    schema = {"properties": {"b": {"const": 2}, "a": {"const": 1}, "c": {"const": 3}}, "required": ["a", "b"]}
    assert example(schema, every_property=False) == {"b": 2, "a": 1}


def test_something_is_shown_when_nothing_is_required() -> None:
    assert example({"properties": {"a": {"const": 1}}}, every_property=False) == {"a": 1}


def test_values_come_from_the_message() -> None:
    schema = {"properties": {"age": {"type": "integer"}, "unit": {"enum": ["m", "ft"]}, "title": {"type": "string"}}}
    assert example(schema, 'aged 36, in ft, "Notes"') == {"age": 36, "unit": "ft", "title": "Notes"}


def test_items_of_a_list_differ() -> None:
    items = {"type": "object", "properties": {"name": {"type": "string"}, "kind": {"enum": ["x", "y"]}}}
    assert example({"type": "array", "items": items}) == [
        {"name": "Ada Lovelace", "kind": "x"},
        {"name": "Ada Lovelace 2", "kind": "y"},
    ]


DOUBLING = {f"d{n}": {"type": "array", "minItems": 2, "items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(30)}
ENDLESS = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "schema",
    [
        ENDLESS,
        {"$ref": "#"},
        {"$ref": "#/$defs/d0", "$defs": {**DOUBLING, "d30": {"const": 1}}},
        {"type": "array", "minItems": 10**9},
        {"type": "object", "minProperties": 10**9},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema.json"},
        {"properties": ["a"]},
        {"anyOf": 3},
        {"type": "number", "multipleOf": 0},
        {"type": "array", "minItems": "2"},
    ],
)
def test_an_unusable_schema_is_refused(schema: JSONObject) -> None:
    with pytest.raises(GatewayError) as refused:
        example(schema)
    assert refused.value.status == 400
