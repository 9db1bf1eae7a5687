"""`POST /v1/responses/input_tokens`: how many tokens the input of a request would have, without an answer to it."""

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject
from gateway.exchange.exchange import dropped_headers, plan_for
from gateway.exchange.outcome import Outcome
from gateway.settings import Quirks, Settings
from gateway.translate.request import ChatPlan, plan, read_request
from gateway.translate.token_estimate import estimated_tokens
from gateway.upstream.routing import Target
from gateway.upstream.token_count import count_tokens
from gateway.web.admission import Entry
from gateway.web.answers import json_answer
from gateway.web.caller import context_of, sealing_for
from gateway.web.default_model import with_model
from gateway.web.json_body import read_json
from gateway.web.permissions import targets_for
from gateway.web.responses import is_strict
from gateway.web.session import Session
from gateway.web.visit import VISIT

_COUNTED = ("input", "instructions", "tools", "prompt", "conversation", "previous_response_id")
_NO_MODEL = "none"
_SHORTEST_INPUT = " "
"""Tools and instructions are counted alone too, and no chat template is without a message."""


async def count(request: Request) -> StreamResponse:
    """Counted by the upstream that would answer, or else estimated, and marked so. No member is required."""
    async with Entry(request[VISIT]):
        return await _count(request)


async def _count(request: Request) -> StreamResponse:
    visit = request[VISIT]
    settings = visit.configured.settings
    body = with_model(visit, await read_json(request))
    target = _target(request, body)
    if not any(body.get(name) for name in _COUNTED):
        return _answer(0, is_estimate=False, dropped=())
    chat = await _plan(request, body, target, settings)
    tokens = await count_tokens(target.upstream, chat.body) if target is not None else None
    if tokens is None:
        return _answer(estimated_tokens(chat.body), is_estimate=True, dropped=chat.dropped)
    return _answer(tokens, is_estimate=False, dropped=chat.dropped)


def _target(request: Request, body: JSONObject) -> Target | None:
    """Who would answer first; nobody without a model."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return None
    visit = request[VISIT]
    visit.model = model
    target = targets_for(visit, model, Session(request, body))[0]
    visit.outcome = Outcome(provider=target.upstream.name, upstream_model=target.model)
    return target


async def _plan(request: Request, body: JSONObject, target: Target | None, settings: Settings) -> ChatPlan:
    has_history = body.get("previous_response_id") or body.get("conversation")
    source = body.get("input") or (None if has_history else _SHORTEST_INPUT)
    asked = read_request({**body, "input": source, "model": body.get("model") or _NO_MODEL, "background": None})
    visit = request[VISIT]
    create_request = await context_of(visit).completed(asked)
    unseal = sealing_for(visit).unseal
    strict = is_strict(request, settings)
    if target is None:
        return plan(create_request, model=_NO_MODEL, quirks=Quirks(), strict=strict, unseal=unseal)
    return plan_for(create_request, target, is_strict=strict, unseal=unseal)


def _answer(tokens: int, *, is_estimate: bool, dropped: tuple[str, ...]) -> StreamResponse:
    value: JSONObject = {"object": "response.input_tokens", "input_tokens": tokens}
    return json_answer(value | ({"estimated": True} if is_estimate else {}), headers=dict(dropped_headers(dropped)))
