"""`/v1/responses/{response_id}`: responses that can be found again, followed, cancelled and deleted."""

from typing import Annotated

from aiohttp.web import Request, StreamResponse
from msgspec import Meta, Struct

from gateway.codec.json import loads
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.background import BackgroundRuns
from gateway.exchange.following import body_of
from gateway.exchange.stored_context import is_response_id, response_not_found
from gateway.store.protocol import Store
from gateway.store.records import Item, Record
from gateway.translate.response_object import PENDING
from gateway.web.answers import json_answer, send_json
from gateway.web.background import send_events
from gateway.web.listing import PageQuery, page_of
from gateway.web.query import read_query
from gateway.web.services import State
from gateway.web.visit import VISIT


class RetrieveQuery(Struct, frozen=True):
    """`stream` asks for the events, those after `starting_after` only."""

    stream: bool = False
    starting_after: Annotated[int, Meta(ge=-1)] = -1


async def retrieve(request: Request) -> StreamResponse:
    """`GET`: the Response; or the events of one in the background, from any on, until its end."""
    store, runs, record = await _found(request)
    query = read_query(request, RetrieveQuery)
    if query.stream:
        if not record.is_background:
            message = "Only a response in the background can be streamed again."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, "stream")
        with request[VISIT].services.load.answering(request[VISIT].configured.settings.limits):
            return await send_events(request, runs.follow(record, query.starting_after + 1))
    return await _send(request, await body_of(store, record))


async def delete(request: Request) -> StreamResponse:
    """`DELETE`: removes the response; one that is being made is stopped."""
    state, response_id = request[VISIT].services.state, _id_of(request)
    if state.store is None or not await state.store.delete(request[VISIT].owner, response_id):
        raise response_not_found(response_id)
    if state.runs is not None:
        state.runs.forget(request[VISIT].owner, response_id)
    return json_answer({"id": response_id, "object": "response", "deleted": True})


async def cancel(request: Request) -> StreamResponse:
    """`POST .../cancel`: ends a response in the background; one that is over stays as it is."""
    store, runs, record = await _found(request)
    if not record.is_background:
        raise GatewayError(ErrorKind.INVALID_VALUE, "Cannot cancel a synchronous response.")
    if record.status in PENDING:
        record = await runs.cancel(record)
    return await _send(request, await body_of(store, record))


async def list_input_items(request: Request) -> StreamResponse:
    """`GET .../input_items`: all that the response was made from, a page at a time."""
    query = read_query(request, PageQuery)
    store, _, record = await _found(request)
    items = await _effective_input(store, record, request[VISIT].configured.settings.state.max_chain)
    return await _send(request, page_of(items, query))


async def _send(request: Request, body: bytes) -> StreamResponse:
    return await send_json(request, body, (), stall=request[VISIT].configured.settings.server.write_stall_seconds)


async def _effective_input(store: Store, record: Record, most_turns: int) -> list[Item]:
    """What came before the response, oldest first, and then its own input."""
    turns = await store.chain(record.owner, record.id, most=most_turns)
    before = [item for turn in turns[:-1] for item in turn.items]
    own = [item for turn in turns[-1:] for item in turn.items if not item.is_output]
    return [*before, *await _earlier_in_conversation(store, record, own), *own]


async def _earlier_in_conversation(store: Store, record: Record, own: list[Item]) -> list[Item]:
    """The items that its conversation had before those of the response."""
    conversation = loads(record.head).get("conversation")
    if conversation is None:
        return []
    items = await store.items(record.owner, conversation["id"])
    own_ids = {item.id for item in own}
    first = next((index for index, item in enumerate(items) if item.id in own_ids), len(items))
    return items[:first]


async def _found(request: Request) -> tuple[Store, BackgroundRuns, Record]:
    """The response that the path names, if it is the caller's.

    Raises:
        GatewayError: NOT_FOUND.
    """
    response_id = _id_of(request)
    match request[VISIT].services.state:
        case State(store=store, runs=runs) if store is not None and runs is not None:
            record = await store.get(request[VISIT].owner, response_id)
            if record is not None:
                return store, runs, record
    raise response_not_found(response_id)


def _id_of(request: Request) -> str:
    response_id = request.match_info["response_id"]
    if not is_response_id(response_id):
        raise response_not_found(response_id)
    return response_id
