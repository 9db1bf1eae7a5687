"""`POST /v1/responses/compact`: the conversation as one sealed item that stands for it."""

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject, JSONValue, dumps, loads
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.compaction import TRIGGER
from gateway.web.admission import Entry
from gateway.web.answers import send_json
from gateway.web.json_body import read_json
from gateway.web.responses import asked_for, exchange_for
from gateway.web.visit import VISIT, Visit

_PASSED_ON = ("model", "input", "instructions", "previous_response_id", "prompt_cache_key", "service_tier")


async def compact(request: Request) -> StreamResponse:
    """Answers `{id, object, created_at, output: [compaction item], usage}`; its `output` is the next input."""
    visit = request[VISIT]
    async with Entry(visit) as entry:
        return await _compact(request, visit, entry)


async def _compact(request: Request, visit: Visit, entry: Entry) -> StreamResponse:
    settings = visit.configured.settings
    asked = await asked_for(visit, _create_body(await read_json(request)))
    exchange = exchange_for(request, asked, settings)
    await entry.take_tokens(exchange.estimated_tokens)
    visit.outcome = exchange.outcome
    response = loads(await exchange.collect())
    if response["status"] != "completed":
        raise GatewayError(ErrorKind.UPSTREAM_ERROR, "The model did not finish its summary.")
    answer = {name: response[name] for name in ("id", "created_at", "output", "usage")}
    answer["object"] = "response.compaction"
    return await send_json(request, dumps(answer), exchange.headers, stall=settings.server.write_stall_seconds)


def _create_body(body: JSONObject) -> JSONObject:
    """The request for a response that asks for the summary."""
    given = {name: body[name] for name in _PASSED_ON if body.get(name) is not None}
    items = _items(given.get("input"), has_history="previous_response_id" in given)
    return {**given, "input": [*items, {"type": TRIGGER}], "store": False}


def _items(source: JSONValue, *, has_history: bool) -> list[JSONValue]:
    if isinstance(source, str):
        return [{"role": "user", "content": source}]
    if isinstance(source, list) and (source or has_history):
        return source
    if source is None and has_history:
        return []
    raise GatewayError(ErrorKind.MISSING_PARAMETER, "Missing required parameter: 'input'.", "input")
