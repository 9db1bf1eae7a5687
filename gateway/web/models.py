"""`/v1/models`: what can be asked for, in the form of the OpenAI SDKs and beside it in the one that Codex reads."""

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.spec.codex import catalog_entry
from gateway.upstream.model_list import Model
from gateway.web.answers import json_answer
from gateway.web.permissions import is_allowed
from gateway.web.visit import VISIT


async def list_models(request: Request) -> StreamResponse:
    """`GET /v1/models`; what Codex is told of a model replaces all it would assume, so unknown ones are left out."""
    visit = request[VISIT]
    models = [model for model in await visit.configured.router.models() if is_allowed(visit, model.id)]
    catalog = [catalog_entry(model.id, model.context_window) for model in models if model.context_window is not None]
    return json_answer({"object": "list", "data": [_entry(model) for model in models], "models": catalog})


async def retrieve_model(request: Request) -> StreamResponse:
    """`GET /v1/models/{id}`; SDKs encode the slash in an id."""
    name, visit = request.match_info["model"], request[VISIT]
    for model in await visit.configured.router.models():
        if model.id == name and is_allowed(visit, name):
            return json_answer(_entry(model))
    shown = name if len(name) <= 100 else name[:100] + "..."
    raise GatewayError(ErrorKind.MODEL_NOT_FOUND, f"The model '{shown}' does not exist.", param="model")


def _entry(model: Model) -> JSONObject:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owner}
