"""Reads the query of a URL into a typed shape."""

from typing import TypeVar

from aiohttp.web import Request

from gateway.codec.json import convert

T = TypeVar("T")


def read_query(request: Request, into: type[T]) -> T:
    """What the query says; members that the shape does not have are ignored.

    Raises:
        GatewayError: `param` names the member that is wrong.
    """
    return convert(dict(request.query), into, "", is_text=True)
