"""JSON in and out: the one place where untyped values enter the gateway.

orjson does the work. Everything that reads a value checks its type before use; `JSONObject` says only
"an object whose members nobody has looked at yet", `convert` is how it becomes a typed one. A message
of this module never repeats what the client sent.
"""

import re
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec
import orjson

from gateway.errors import ErrorKind, GatewayError

JSONValue = Any
JSONObject = dict[str, Any]

T = TypeVar("T")

VALUES_PER_CONTAINER = 4
"""Commas allowed for each allowed container: a flat list of numbers costs time too."""

LARGE_BYTES = 1_048_576
"""From here on a copy takes time that other streams feel."""

_COUNTED_AT_ONCE = 4_194_304

WRITABLE_DEPTH = 240
"""orjson reads 1,024 levels and writes 254, and a Chat request or an event holds a schema a few levels deeper."""

_INTEGERS = range(-(2**63), 2**64)
"""What orjson keeps exact; a longer integer silently becomes a float."""

_LONG_INTEGER = re.compile(rb"-?\d{19,}(?![\d.eE])")
_STRUCTURE = b'"{[,'
_NOT_STRUCTURE = bytes(set(range(256)) - set(_STRUCTURE))
_PATH = re.compile(r" - at `(?:key` in `)?\$([^`]*)`$")


def dumps(value: JSONValue) -> bytes:
    """The value as compact UTF-8 JSON, in no more memory than it needs."""
    data = orjson.dumps(value)  # which has 4 KiB for two characters; only a large block gives back what it has too much
    return b"%b" % data if len(data) < LARGE_BYTES else data


dumps_to_join = orjson.dumps
"""The same for bytes that are joined to others at once, and let go."""

loads = orjson.loads
"""Parses strict JSON. Raises `ValueError` for anything that is not one JSON value in valid UTF-8."""


def parse_body(data: bytes, *, max_depth: int, max_containers: int) -> JSONObject:
    """The object a request's body holds; an integer in it is exact.

    Raises:
        GatewayError: the body is no JSON object, too deep, or holds too many values.
    """
    if data.count(b"{") + data.count(b"[") <= max_containers and data.count(b",") <= max_containers:
        return _checked(_parsed(data, max_depth), data, max_depth)
    steps = parsing(data, max_depth=max_depth, max_containers=max_containers)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            body: JSONObject = end.value
            return body


def parsing(data: bytes, *, max_depth: int, max_containers: int) -> Generator[None, None, JSONObject]:
    """The same in steps, for a large body: others may have a turn between two of them.

    Raises:
        GatewayError: as above.
    """
    if (yield from _is_crowded(data, max_containers)):
        message = f"The body holds too many JSON values: at most {max_containers} objects and arrays are allowed."
        raise GatewayError(ErrorKind.INVALID_VALUE, message)
    body = _parsed(data, max_depth)
    yield
    return _checked(body, data, max_depth)


def _checked(body: JSONValue, data: bytes, max_depth: int) -> JSONObject:
    if not isinstance(body, dict):
        raise GatewayError(ErrorKind.INVALID_TYPE, "The body must be a JSON object.")
    if _walk(body, min(max_depth, WRITABLE_DEPTH)) and _has_inexact_integer(data):
        raise GatewayError(ErrorKind.INVALID_VALUE, "The body holds an integer that does not fit into 64 bits.")
    return body


def convert(value: JSONValue, into: type[T], at: str, *, is_text: bool = False) -> T:
    """The value as one of the typed shapes; `at` is its own place in the request.

    With `is_text`, numbers and booleans may be written in strings, as the query of a URL has them.

    Raises:
        GatewayError: `param` is the exact place, as `input[3].content[0].image_url`.
    """
    try:
        return msgspec.convert(value, into, strict=not is_text)
    except msgspec.ValidationError as error:
        raise _conversion_error(str(error), at) from None


def _parsed(data: bytes, max_depth: int) -> JSONValue:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg:
            raise _too_deep(min(max_depth, WRITABLE_DEPTH)) from None
        where = f"line {error.lineno}, column {error.colno}"
        raise GatewayError(ErrorKind.INVALID_JSON, f"The body is not valid JSON ({where}).") from None


def _too_deep(most: int) -> GatewayError:
    message = f"The body is nested too deeply: at most {most} levels are allowed."
    return GatewayError(ErrorKind.INVALID_VALUE, message)


def _is_crowded(data: bytes, max_containers: int) -> Generator[None, None, bool]:
    """Whether there are too many values to parse without a pause that all streams feel.

    The plain counts include what stands inside strings; only a body that fails them (much source code, or
    an attack) is counted exactly.
    """
    most, containers, commas = max_containers * VALUES_PER_CONTAINER, 0, 0
    for start in range(0, len(data), _COUNTED_AT_ONCE):
        end = start + _COUNTED_AT_ONCE
        containers += data.count(b"{", start, end) + data.count(b"[", start, end)
        commas += data.count(b",", start, end)
        yield
    if containers <= max_containers and commas <= most:
        return False
    bare = data.replace(b"\\\\", b"")
    yield
    bare = bare.replace(b'\\"', b"")
    yield
    bare = bare.translate(None, _NOT_STRUCTURE)
    yield
    bare = _outside_strings(bare)
    return bare.count(b"{") + bare.count(b"[") > max_containers or bare.count(b",") > most


def _outside_strings(unescaped: bytes) -> bytes:
    """What is not in a string; removing `""` first keeps every other quote's side, and is far quicker."""
    return b" ".join(unescaped.replace(b'""', b"").split(b'"')[::2])


def _walk(body: JSONObject, max_depth: int) -> bool:
    """Check the depth, level by level; true when a number is too big for an exact integer."""
    level: list[JSONValue] = [body]
    has_big_float = False
    for _ in range(max_depth):
        below: list[JSONValue] = []
        for container in level:
            for value in container.values() if type(container) is dict else container:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float and abs(value) >= 2**63:
                    has_big_float = True
        if not below:
            return has_big_float
        level = below
    raise _too_deep(max_depth)


def _has_inexact_integer(data: bytes) -> bool:
    bare = _outside_strings(data.replace(b"\\\\", b"").replace(b'\\"', b""))
    return any(int(digits) not in _INTEGERS for digits in _LONG_INTEGER.findall(bare))


def _conversion_error(text: str, at: str) -> GatewayError:
    path = _PATH.search(text)
    param = at + path.group(1).replace("[...]", "") if path else at
    reason = text[: path.start()] if path else text
    missing = re.fullmatch(r"Object missing required field `([^`]*)`", reason)
    if missing:
        param = f"{param}.{missing.group(1)}".removeprefix(".")
        return GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{param}'.", param)
    param = param.removeprefix(".")
    if ", got " in reason:
        wanted = reason.replace("`", "").replace("Expected ", "expected ")
        return GatewayError(ErrorKind.INVALID_TYPE, f"Invalid type for '{param}': {wanted}.", param or None)
    limit = f": {reason.replace('`', '').lower()}" if reason.startswith("Expected") else ""
    return GatewayError(ErrorKind.INVALID_VALUE, f"Invalid value for '{param}'{limit}.", param or None)
