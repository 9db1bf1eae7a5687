"""The first line of a request to an upstream."""

from yarl import URL


def request_line(method: str, url: URL, *, is_through_proxy: bool) -> bytes:
    """The line; a proxy without a tunnel is told the whole address (RFC 9112, section 3.2)."""
    target = str(url.with_user(None).with_fragment(None)) if is_through_proxy else url.raw_path_qs
    return f"{method} {target} HTTP/1.1\r\n".encode()
