"""Strings and numbers within the bounds of a JSON schema.

Numbers are reckoned as fractions, because a multiple of 0.1 is none in binary. It knows nothing of objects and lists.
"""

import math
import re
from fractions import Fraction

from gateway.codec.json import JSONObject

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_COMMON = (
    *("a", "ab", "abc", "demo", "A", "AB", "ABC", "Demo", "A1", "ABC-123", "AB-1234", "snake_case", "kebab-case"),
    *("1", "12", "123", "1234", "12345", "123456", "1.0", "1.2.3", "v1.2.3", "#336699", "+15555550100", "555-0100"),
    *("en", "en-US", "EUR", "12:00", "12:00:00", "ada@example.com", "/demo", "README.md", "@demo", "#demo"),
    *_FORMATS.values(),
)
_PATTERN_TEXT_LIMIT = 20
"""Longer texts are not tried: a pattern of the client's may need exponential time."""


def string_example(schema: JSONObject, text: str, position: int = 0) -> str:
    """A string that fits; `text` when it does.

    Args:
        schema: `format`, `pattern`, `minLength` and `maxLength` are kept.
        text: the text to prefer.
        position: the place in a list; later places get another text.
    """
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if isinstance(schema.get("pattern"), str):
        return _matching(schema, text)
    return _with_length(schema, f"{text} {position + 1}" if position else text)


def _matching(schema: JSONObject, text: str) -> str:
    try:
        pattern = re.compile(schema["pattern"])
    except re.error:
        return _with_length(schema, text)
    tried = (text, *_COMMON)
    fitting = (entry for entry in tried if len(entry) <= _PATTERN_TEXT_LIMIT or entry in _COMMON)
    return next((entry for entry in fitting if _has_length(schema, entry) and pattern.search(entry)), text)


def _has_length(schema: JSONObject, text: str) -> bool:
    return _with_length(schema, text) == text


def _with_length(schema: JSONObject, text: str) -> str:
    longest: int | None = schema.get("maxLength")
    shortest: int = schema.get("minLength") or 0
    return text.ljust(min(shortest, 100_000), ".")[:longest]


def number_example(schema: JSONObject, wanted: float | None, position: int = 0, *, is_integer: bool) -> int | float:
    """A number that fits, as near to `wanted` as may be.

    Args:
        schema: `minimum`, `maximum`, their exclusive forms, `multipleOf` and `default` are kept.
        wanted: the number to prefer.
        position: the place in a list; later places get a greater number.
        is_integer: whether the number has to be whole.
    """
    low, high = _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")
    step = _step(schema, is_integer=is_integer)
    preferred = (_fraction(wanted), _fraction(schema.get("default")), low, high, Fraction(1))
    aim = next(number for number in preferred if number is not None)
    if step is None:
        return float(_between(aim + position, low, high, schema))
    return _plain(_nearest_multiple(aim + position * step, step, low, high, schema), is_integer=is_integer)


def _step(schema: JSONObject, *, is_integer: bool) -> Fraction | None:
    multiple = _fraction(schema.get("multipleOf"))
    if not is_integer:
        return multiple
    return Fraction(multiple.numerator) if multiple else Fraction(1)


def _bound(schema: JSONObject, inclusive: str, exclusive: str) -> Fraction | None:
    bounds = [bound for name in (inclusive, exclusive) if (bound := _fraction(schema.get(name))) is not None]
    if not bounds:
        return None
    return max(bounds) if inclusive == "minimum" else min(bounds)


def _nearest_multiple(
    aim: Fraction, step: Fraction, low: Fraction | None, high: Fraction | None, schema: JSONObject
) -> Fraction:
    count = round(aim / step)
    if high is not None:
        most = math.floor(high / step)
        count = min(count, most - (most * step == _fraction(schema.get("exclusiveMaximum"))))
    if low is not None:
        least = math.ceil(low / step)
        count = max(count, least + (least * step == _fraction(schema.get("exclusiveMinimum"))))
    return count * step


def _between(aim: Fraction, low: Fraction | None, high: Fraction | None, schema: JSONObject) -> Fraction:
    number = aim if high is None else min(aim, high)
    number = number if low is None else max(number, low)
    excluded = (_fraction(schema.get("exclusiveMinimum")), _fraction(schema.get("exclusiveMaximum")))
    if number not in excluded:
        return number
    if low is not None and high is not None:
        return (low + high) / 2
    return number + 1 if number == excluded[0] else number - 1


def _fraction(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Fraction(str(value))


def _plain(number: Fraction, *, is_integer: bool) -> int | float:
    return int(number) if is_integer or number.denominator == 1 else float(number)
