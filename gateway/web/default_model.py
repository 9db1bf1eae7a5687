"""Which model a request is for: the one it names, or else its key's, or else the gateway's."""

from gateway.codec.json import JSONObject
from gateway.web.visit import Visit


def with_model(visit: Visit, body: JSONObject) -> JSONObject:
    """The body, with a default for a `model` that is absent or empty; without one as it came."""
    if body.get("model") not in (None, ""):
        return body
    own = visit.caller.default_model if visit.caller is not None else ""
    model = own or visit.configured.settings.server.default_model
    return {**body, "model": model} if model else body
