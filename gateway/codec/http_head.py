"""The lines of an HTTP/1.1 head, as bytes."""

import re
from collections.abc import Mapping

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a line of the head, or is no text."""


def header_lines(headers: Mapping[str, str]) -> bytes:
    """The headers, each in its line.

    Raises:
        ValueError: when a name or a value would be more than that.
    """
    lines = [f"{name}: {value}" for name, value in headers.items()]
    text = "".join(lines)
    if not text.isprintable() and _FORBIDDEN.search(text):
        raise ValueError("a header holds a control character")
    return "\r\n".join([*lines, ""]).encode()
