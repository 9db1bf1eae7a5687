"""Which model a request is for: the one it names, or else its key's, or else the gateway's."""

from aiohttp.web import Request

from gateway.access.keys import Key
from gateway.codec.json import JSONObject
from gateway.web.app_keys import CALLER, CONFIGURED


def with_model(request: Request, body: JSONObject) -> JSONObject:
    """The body, with a default for a `model` that is absent or empty; without one as it came."""
    if body.get("model") not in (None, ""):
        return body
    caller: Key | None = request.get(CALLER)
    model = (caller.default_model if caller is not None else "") or request[CONFIGURED].settings.server.default_model
    return {**body, "model": model} if model else body
