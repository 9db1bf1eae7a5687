"""Which model a request is for: the one it names, or else its key's, or else the gateway's."""

from aiohttp.web import Request

from gateway.codec.json import JSONObject
from gateway.web.app_keys import VISIT


def with_model(request: Request, body: JSONObject) -> JSONObject:
    """The body, with a default for a `model` that is absent or empty; without one as it came."""
    if body.get("model") not in (None, ""):
        return body
    visit = request[VISIT]
    own = visit.caller.default_model if visit.caller is not None else ""
    model = own or visit.configured.settings.server.default_model
    return {**body, "model": model} if model else body
