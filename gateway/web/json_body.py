"""Reads the JSON object in the body of a request, within the limits."""

import asyncio

from aiohttp.web import Request

from gateway.codec.json import LARGE_BYTES, JSONObject, parse_body, parsing
from gateway.settings import ServerSettings
from gateway.web.body import read_body
from gateway.web.load import HeldBody
from gateway.web.visit import VISIT

_EMPTY = b"{}"


async def read_json(request: Request, *, may_be_empty: bool = False) -> JSONObject:
    """The object; with `may_be_empty`, a request without a body has one without members.

    Raises:
        GatewayError: when there is none, or it is beyond a limit.
    """
    visit = request[VISIT]
    settings = visit.configured.settings
    server = settings.server
    visit.body = held = HeldBody(visit.services.load, settings.limits)
    data = await read_body(request, server, held)
    if may_be_empty:
        data = data or _EMPTY
    if len(data) < LARGE_BYTES:
        return parse_body(data, max_depth=server.max_json_depth, max_containers=server.max_json_containers)
    return await _parsed_in_steps(data, server)


async def _parsed_in_steps(data: bytes, server: ServerSettings) -> JSONObject:
    """No thread does it: orjson keeps all others waiting there too."""
    steps = parsing(data, max_depth=server.max_json_depth, max_containers=server.max_json_containers)
    while True:
        await asyncio.sleep(0)
        try:
            next(steps)
        except StopIteration as end:
            body: JSONObject = end.value
            return body
