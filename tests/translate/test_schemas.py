"""Schemas of parameters: nothing is changed but what is no JSON Schema."""

from gateway.codec.json import JSONObject, dumps
from gateway.translate.schemas import tool_parameters


def test_a_tool_without_a_schema_takes_no_arguments() -> None:
    assert tool_parameters(None) == tool_parameters({}) == {"type": "object", "properties": {}}


def test_a_schema_without_the_marker_is_the_same_object() -> None:
    schema: JSONObject = {"$schema": "x", "properties": {"a": {"anyOf": [{"type": "string"}, True]}}, "enum": [[1]]}
    assert tool_parameters(schema) is schema


def test_the_marker_is_taken_out_at_every_depth_and_the_original_stays() -> None:
    secret = {"type": "string", "encrypted": True}
    schema: JSONObject = {
        "type": "object",
        "encrypted": True,
        "properties": {"a": secret, "list": {"type": "array", "items": secret}},
        "anyOf": [secret, {"type": "null"}],
        "$defs": {"b": secret},
    }
    plain = {"type": "string"}
    assert tool_parameters(schema) == {
        "type": "object",
        "properties": {"a": plain, "list": {"type": "array", "items": plain}},
        "anyOf": [plain, {"type": "null"}],
        "$defs": {"b": plain},
    }
    assert secret == {"type": "string", "encrypted": True}


def test_the_deepest_schema_a_body_may_hold_is_no_problem() -> None:
    schema: JSONObject = {"encrypted": True}
    for _ in range(60):
        schema = {"properties": {"a": {"anyOf": [schema]}}}
    assert '"encrypted"' not in dumps(tool_parameters(schema)).decode()


def test_a_property_of_that_name_and_data_of_that_form_stay() -> None:
    schema: JSONObject = {
        "properties": {"encrypted": True, "mode": {"default": {"encrypted": True}, "enum": [{"encrypted": True}]}},
        "definitions": [{"encrypted": False}],
    }
    assert tool_parameters(schema) is schema
