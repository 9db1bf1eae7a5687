"""The JSON Schemas of tool parameters: those of the client made plain, and those of the built-in tools."""

from gateway.codec.json import JSONObject, JSONValue

_VALUES = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords that hold data, not schemas."""
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose members are schemas with names of the author's choice."""


def tool_parameters(schema: JSONObject | None) -> JSONObject:
    """The schema as upstreams take it; a tool without one takes no arguments. The client's object is not changed."""
    if not schema:
        return {"type": "object", "properties": {}}
    return _object_without_marker(schema)


def _object_without_marker(schema: JSONObject) -> JSONObject:
    """The schema without `"encrypted": true`, which Codex adds and which is no JSON Schema.

    Copies only what it changes. The depth is bounded by the one of the request's body, and a level costs one frame.
    """
    changed: JSONObject | None = None
    for key, value in schema.items():
        if value is True and key == "encrypted":
            changed = schema.copy() if changed is None else changed
            del changed[key]
        elif type(value) in (dict, list) and key not in _VALUES:
            new = _named(value) if key in _NAMED_SCHEMAS else _value_without_marker(value)
            if new is not value:
                changed = schema.copy() if changed is None else changed
                changed[key] = new
    return schema if changed is None else changed


def _value_without_marker(value: JSONValue) -> JSONValue:
    if type(value) is dict:
        return _object_without_marker(value)
    if type(value) is not list:
        return value
    new = list(map(_value_without_marker, value))
    return value if all(map(_is, new, value)) else new


def _named(schemas: JSONValue) -> JSONValue:
    if type(schemas) is not dict:
        return _value_without_marker(schemas)
    new = dict(zip(schemas, map(_value_without_marker, schemas.values()), strict=True))
    return schemas if all(map(_is, new.values(), schemas.values())) else new


def _is(one: JSONValue, other: JSONValue) -> bool:
    return one is other


def _object(properties: JSONObject, *required: str) -> JSONObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_STRINGS: JSONObject = {"type": "array", "items": {"type": "string"}}
_INTEGER: JSONObject = {"type": "integer"}

CUSTOM = _object({"input": {"type": "string", "description": "The whole input of the tool, as plain text."}}, "input")
"""A freeform tool as a function: one text."""

TOOL_SEARCH = _object({"query": {"type": "string", "description": "What the tool should be able to do."}}, "query")

LOCAL_SHELL = _object(
    {
        "command": {**_STRINGS, "description": "The program and its arguments."},
        "workdir": {"type": "string", "description": "The folder to run it in."},
        "timeout_ms": _INTEGER,
    },
    "command",
)

SHELL = _object(
    {
        "commands": {**_STRINGS, "description": "Command lines, run one after the other."},
        "timeout_ms": _INTEGER,
        "max_output_length": {**_INTEGER, "description": "Characters of output to return at most."},
    },
    "commands",
)

APPLY_PATCH = _object(
    {
        "operation": _object(
            {
                "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                "path": {"type": "string", "description": "Path relative to the workspace."},
                "diff": {
                    "type": "string",
                    "description": "V4A diff: lines that begin with '+', '-' or ' '. Not for delete_file.",
                },
            },
            "type",
            "path",
        )
    },
    "operation",
)
