"""The head of a request to an upstream, as bytes. Nothing in it is a client's but its checked id and trace."""

import re
from collections.abc import Mapping

from yarl import URL

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a line of the head, or is no text."""


def request_line(method: str, url: URL, *, is_through_proxy: bool) -> bytes:
    """The first line; a proxy without a tunnel is told the whole address (RFC 9112, section 3.2)."""
    target = str(url.with_user(None).with_fragment(None)) if is_through_proxy else url.raw_path_qs
    return f"{method} {target} HTTP/1.1\r\n".encode()


def header_lines(headers: Mapping[str, str]) -> bytes:
    """The headers, each in its line.

    Raises:
        ValueError: when a name or a value would be more than that.
    """
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if _FORBIDDEN.search(text.replace("\r\n", "")) or text.count("\r\n") != len(headers):
        raise ValueError("a header holds a control character")
    return text.encode()
