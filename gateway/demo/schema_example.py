"""An instance of a JSON schema: types, enum, const, required, `$ref`, anyOf, allOf, bounds and formats.

It builds one valid value and does not validate. Not covered: `not`, `if`, `patternProperties`, `contains`;
a `pattern` is met only by one of a few common strings.
"""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol
from urllib.parse import unquote

from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.schema_scalars import number_example, string_example
from gateway.errors import ErrorKind, GatewayError

_NODE_LIMIT = 5000
_DEPTH_LIMIT = 60
_USUAL_ITEMS = 2
_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_TEXTUAL = ("minLength", "maxLength", "pattern", "format")


class ValueSource(Protocol):
    """Where free values come from."""

    def number(self) -> float | None:
        """A number, if there is one to use."""

    def option(self, options: list[JSONValue]) -> JSONValue:
        """One of the options."""

    def text(self, name: str) -> str:
        """A text for the property `name`."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the instance a value stands.

    Args:
        position: the place in the nearest list, so that items differ.
        references: the `$ref`s on the way here.
        is_minimal: a `$ref` came round again: only what must be there, so that the instance ends.
    """

    name: str = "value"
    position: int = 0
    depth: int = 0
    references: frozenset[str] = frozenset({"#"})
    is_minimal: bool = False


def schema_example(schema: JSONValue, source: ValueSource, *, every_property: bool = True) -> JSONValue:
    """A value that fits the schema.

    Args:
        schema: the schema; `$ref` points into it.
        source: where numbers, options and texts come from.
        every_property: optional properties too, not only the required ones.

    Raises:
        GatewayError: the schema is too large, or refers to what it does not have.
    """
    try:
        return _Example(schema, source, every_property=every_property).value(schema, _Place())
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Every keyword of a client's schema may have any type; checking each one would only repeat JSON Schema.
        raise _unusable("The schema is not valid.") from error


class _Example:
    def __init__(self, root: JSONValue, source: ValueSource, *, every_property: bool) -> None:
        self._root = root
        self._source = source
        self._every_property = every_property
        self._nodes_left = _NODE_LIMIT

    def value(self, schema: JSONValue, place: _Place) -> JSONValue:
        """The value at one place."""
        self._spend(place)
        if not isinstance(schema, dict):
            return self._source.text(place.name)
        schema, place = self._opened(schema, place)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._option(schema["enum"], place)
        return self._typed(schema, place)

    def _spend(self, place: _Place) -> None:
        self._nodes_left -= 1
        if self._nodes_left < 0 or place.depth > _DEPTH_LIMIT:
            raise _unusable("The schema is too large, or has no finite instance.")

    def _opened(self, schema: JSONObject, place: _Place) -> tuple[JSONObject, _Place]:
        """The schema with its `$ref`, `allOf` and `anyOf` replaced by what they stand for."""
        while True:
            place = replace(place, depth=place.depth + 1)
            self._spend(place)
            if "$ref" in schema:
                schema, place = self._followed(schema, place)
            elif "allOf" in schema:
                schema, place = self._joined(schema, place)
            elif "anyOf" in schema or "oneOf" in schema:
                schema = self._chosen(schema, place)
            else:
                return schema, place

    def _followed(self, schema: JSONObject, place: _Place) -> tuple[JSONObject, _Place]:
        reference = schema["$ref"]
        is_minimal = place.is_minimal or reference in place.references
        place = replace(place, references=place.references | {reference}, is_minimal=is_minimal)
        return _merged(_without(schema, "$ref"), self._target(reference)), place

    def _joined(self, schema: JSONObject, place: _Place) -> tuple[JSONObject, _Place]:
        parts: list[JSONObject] = []
        for part in schema["allOf"]:
            opened, place = self._opened(part, place)
            parts.append(opened)
        return reduce(_merged, parts, _without(schema, "allOf")), place

    def _chosen(self, schema: JSONObject, place: _Place) -> JSONObject:
        name = "anyOf" if "anyOf" in schema else "oneOf"
        options: list[JSONObject] = [option for option in schema[name] if isinstance(option, dict)] or [{}]
        fitting = [option for option in options if (option.get("type") == "null") is place.is_minimal]
        return _merged(_without(schema, name), (fitting or options)[0])

    def _target(self, reference: JSONValue) -> JSONObject:
        found = self._root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict) or not str(reference).startswith("#"):
            raise _unusable(f"The schema refers to {str(reference)[:100]}, which it does not have.")
        return found

    def _option(self, options: list[JSONValue], place: _Place) -> JSONValue:
        if place.position:
            return options[place.position % len(options)]
        return self._source.option(options)

    def _typed(self, schema: JSONObject, place: _Place) -> JSONValue:
        match _type_of(schema, place):
            case "object":
                return self._object(schema, place)
            case "array":
                return self._array(schema, place)
            case "null":
                return None
            case "boolean":
                return schema.get("default") is not False
            case "integer" | "number" as kind:
                wanted = self._source.number()
                return number_example(schema, wanted, place.position, is_integer=kind == "integer")
            case _:
                return string_example(schema, self._source.text(place.name), place.position)

    def _object(self, schema: JSONObject, place: _Place) -> JSONObject:
        properties: JSONObject = schema.get("properties") or {}
        names = self._property_names(schema, properties, place)
        rest = schema.get("additionalProperties")
        shows_rest = isinstance(rest, dict) and self._wants_more(properties, place)
        least = max(_bounded(schema.get("minProperties") or 0), int(shows_rest))
        names += [f"example_{number}" for number in range(1, least - len(names) + 1)]
        return {name: self.value(properties.get(name, rest), self._inside(place, name)) for name in names}

    def _property_names(self, schema: JSONObject, properties: JSONObject, place: _Place) -> list[str]:
        required: list[str] = schema.get("required") or []
        if self._wants_more(required, place):
            return [*properties, *(name for name in required if name not in properties)]
        return sorted(required, key=list(properties).index) if set(required) <= set(properties) else required

    def _wants_more(self, present: JSONValue, place: _Place) -> bool:
        """Whether optional properties belong here: also when there is nothing else to show."""
        return not place.is_minimal and (self._every_property or not present)

    def _array(self, schema: JSONObject, place: _Place) -> list[JSONValue]:
        first: list[JSONValue] = schema.get("prefixItems") or []
        items = schema.get("items", {})
        low = _bounded(schema.get("minItems") or 0)
        high: int = schema.get("maxItems", max(low, len(first), _USUAL_ITEMS))
        if items is False:
            high = min(high, len(first))
        count = low if place.is_minimal else max(low, min(high, max(len(first), _USUAL_ITEMS)))
        schemas = [*first[:count], *[items] * (count - len(first))]
        values = [self.value(entry, self._inside(place, place.name, index)) for index, entry in enumerate(schemas)]
        return _unique(values) if schema.get("uniqueItems") else values

    def _inside(self, place: _Place, name: str, position: int | None = None) -> _Place:
        position = place.position if position is None else position
        return replace(place, name=name, position=position, depth=place.depth + 1)


def _bounded(least: int) -> int:
    if least > _NODE_LIMIT:
        raise _unusable("The schema asks for too many values.")
    return least


def _type_of(schema: JSONObject, place: _Place) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        fitting = [entry for entry in kind if (entry == "null") is place.is_minimal]
        kind = (fitting or kind or ["string"])[0]
    return str(kind or _implied_type(schema))


def _implied_type(schema: JSONObject) -> str:
    if schema.keys() & {"properties", "required", "additionalProperties"}:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems"}:
        return "array"
    if schema.keys() & set(_NUMERIC) and not schema.keys() & set(_TEXTUAL):
        return "number"
    return "string"


def _merged(first: JSONObject, second: JSONObject) -> JSONObject:
    both = {**first, **second}
    if "properties" in first and "properties" in second:
        both["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        both["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    return both


def _without(schema: JSONObject, name: str) -> JSONObject:
    return {key: value for key, value in schema.items() if key != name}


def _unique(values: list[JSONValue]) -> list[JSONValue]:
    kept: list[JSONValue] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def _unusable(message: str) -> GatewayError:
    return GatewayError(ErrorKind.INVALID_VALUE, message, param="response_format")
