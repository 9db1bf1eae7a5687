"""Reads the JSON object in the body of a request, within the limits."""

from aiohttp.web import Request

from gateway.codec.json import JSONObject, parse_body
from gateway.web.app_keys import BODY, CONFIGURED, LOAD
from gateway.web.body import read_body
from gateway.web.load import HeldBody

_EMPTY = b"{}"


async def read_json(request: Request, *, may_be_empty: bool = False) -> JSONObject:
    """The object; with `may_be_empty`, a request without a body has one without members.

    Raises:
        GatewayError: when there is none, or it is beyond a limit.
    """
    settings = request[CONFIGURED].settings
    server = settings.server
    request[BODY] = held = HeldBody(request.app[LOAD], settings.limits)
    data = await read_body(request, server, held)
    if may_be_empty:
        data = data or _EMPTY
    return parse_body(data, max_depth=server.max_json_depth, max_containers=server.max_json_containers)
