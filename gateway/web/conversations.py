"""`/v1/conversations`: items that any number of responses go on from, and add to."""

import time

from aiohttp.web import Request, StreamResponse
from msgspec.structs import replace

from gateway.codec.json import JSONObject, convert, dumps, loads
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.stored_context import conversation_not_found, is_conversation_id
from gateway.spec.conversations import AddItems, CreateConversation, UpdateConversation
from gateway.store.protocol import Store
from gateway.store.records import Item, Record
from gateway.translate.continuation import check_items, stored_items
from gateway.translate.losses import safe_word
from gateway.web.answers import json_answer, raw_json_answer, send_json
from gateway.web.identifiers import mint_id
from gateway.web.json_body import read_json
from gateway.web.listing import PageQuery, list_object, page_of
from gateway.web.query import read_query
from gateway.web.visit import VISIT


async def create(request: Request) -> StreamResponse:
    """`POST`: a new conversation, with items or without."""
    store = _store(request)
    given = convert(await read_json(request, may_be_empty=True), CreateConversation, "")
    now = int(time.time())
    head: JSONObject = {
        "id": mint_id("conv"),
        "object": "conversation",
        "created_at": now,
        "metadata": given.metadata or {},
    }
    record = Record(request[VISIT].owner, head["id"], dumps(head), now)
    await store.put(record, _as_stored(given.items or []))
    return raw_json_answer(record.head)


async def retrieve(request: Request) -> StreamResponse:
    """`GET /{id}`."""
    _, record = await _found(request)
    return raw_json_answer(record.head)


async def update(request: Request) -> StreamResponse:
    """`POST /{id}`: replaces the metadata."""
    store, record = await _found(request)
    given = convert(await read_json(request), UpdateConversation, "")
    changed = replace(record, head=dumps({**loads(record.head), "metadata": given.metadata}))
    if not await store.update(changed):
        raise conversation_not_found(record.id)
    return raw_json_answer(changed.head)


async def delete(request: Request) -> StreamResponse:
    """`DELETE /{id}`: removes it with its items; responses that were made from it stay."""
    conversation = _id_of(request)
    if not await _store(request).delete(request[VISIT].owner, conversation):
        raise conversation_not_found(conversation)
    return json_answer({"id": conversation, "object": "conversation.deleted", "deleted": True})


async def add_items(request: Request) -> StreamResponse:
    """`POST /{id}/items`: adds items at the end, and answers with them."""
    store, record = await _found(request)
    given = convert(await read_json(request), AddItems, "")
    items = _as_stored(given.items)
    if not await store.append(record.owner, record.id, items):
        raise conversation_not_found(record.id)
    return raw_json_answer(list_object(items, has_more=False))


async def list_items(request: Request) -> StreamResponse:
    """`GET /{id}/items`: a page of the items."""
    query = read_query(request, PageQuery)
    store, record = await _found(request)
    page = page_of(await store.items(record.owner, record.id), query)
    return await send_json(request, page, (), stall=request[VISIT].configured.settings.server.write_stall_seconds)


async def retrieve_item(request: Request) -> StreamResponse:
    """`GET /{id}/items/{item_id}`."""
    store, record = await _found(request)
    wanted = request.match_info["item_id"]
    for item in await store.items(record.owner, record.id):
        if item.id == wanted:
            return raw_json_answer(item.body)
    raise _item_not_found(wanted)


async def delete_item(request: Request) -> StreamResponse:
    """`DELETE /{id}/items/{item_id}`: answers with the conversation."""
    store, record = await _found(request)
    item_id = request.match_info["item_id"]
    if not await store.remove(record.owner, record.id, item_id):
        raise _item_not_found(item_id)
    return raw_json_answer(record.head)


def _as_stored(items: list[JSONObject]) -> list[Item]:
    check_items(items, "items")
    return [Item(item["id"], dumps(item)) for item in stored_items(items, mint_id)]


def _item_not_found(item_id: str) -> GatewayError:
    return GatewayError(ErrorKind.NOT_FOUND, f"Item with id '{safe_word(item_id)}' not found.")


def _store(request: Request) -> Store:
    store = request[VISIT].services.state.store
    if store is None:
        raise GatewayError(ErrorKind.NOT_FOUND, "This gateway keeps no conversations.")
    return store


async def _found(request: Request) -> tuple[Store, Record]:
    """The conversation that the path names, if it is the caller's.

    Raises:
        GatewayError: NOT_FOUND.
    """
    store, conversation = _store(request), _id_of(request)
    record = await store.get(request[VISIT].owner, conversation)
    if record is None:
        raise conversation_not_found(conversation)
    return store, record


def _id_of(request: Request) -> str:
    conversation = request.match_info["conversation_id"]
    if not is_conversation_id(conversation):
        raise conversation_not_found(conversation)
    return conversation
