"""JSON for people: what fits stays on one line, and a long text is cut to its two ends.

The cut keeps the length and a hash of the whole text, so that a change anywhere in it is still seen.
"""

from hashlib import sha256

from gateway.codec.json import JSONValue, dumps

WIDTH = 120
_LONGEST = 400
_HEAD, _TAIL = 240, 100


def readable(value: JSONValue, indent: str = "", column: int = 0) -> str:
    """The value as JSON text; members keep their order. Its first line begins at the column."""
    if isinstance(value, str):
        return dumps(cut(value)).decode()
    if not isinstance(value, (dict, list)) or not value:
        return dumps(value).decode()
    inner = indent + "  "
    if isinstance(value, dict):
        keys = {key: f"{dumps(key).decode()}: " for key in value}
        lines = [keys[key] + readable(member, inner, len(inner + keys[key])) for key, member in value.items()]
    else:
        lines = [readable(member, inner, len(inner)) for member in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    one_line = f"{opening}{', '.join(lines)}{closing}"
    # One column is for the comma behind it.
    if column + len(one_line) < WIDTH and "\n" not in one_line:
        return one_line
    separator = f",\n{inner}"
    return f"{opening}\n{inner}{separator.join(lines)}\n{indent}{closing}"


def cut(text: str) -> str:
    """The text, or the two ends of a long one."""
    if len(text) <= _LONGEST:
        return text
    digest = sha256(text.encode()).hexdigest()[:12]
    return f"{text[:_HEAD]} <<{len(text)} characters, sha256 {digest}>> {text[-_TAIL:]}"
