"""What a request continues: the items that it leaves to the gateway, from the store.

`previous_response_id` and `conversation` bring what was said before, an `item_reference` stands for one item. What
belongs to another owner is as unknown as what never was.
"""

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from gateway.codec.json import JSONObject, loads
from gateway.errors import ErrorKind, GatewayError
from gateway.spec.requests import CreateRequest
from gateway.store.protocol import Store
from gateway.store.records import Item, Turn
from gateway.translate.continuation import check_pairs, without_cut_calls
from gateway.translate.echo import conversation_id
from gateway.translate.input_items import item_type, placed_items
from gateway.translate.losses import safe_word
from gateway.translate.response_object import PENDING

_RESPONSE_ID = re.compile(r"resp_[0-9a-f]{48}")
_CONVERSATION_ID = re.compile(r"conv_[0-9a-f]{48}")
_LONGEST_ITEM_ID = 128


def is_response_id(text: str) -> bool:
    """Whether it may be the id of a response of this gateway; nothing else is looked up."""
    return _RESPONSE_ID.fullmatch(text) is not None


def is_conversation_id(text: str) -> bool:
    """Whether it may be the id of a conversation of this gateway; nothing else is looked up."""
    return _CONVERSATION_ID.fullmatch(text) is not None


class StoredContext(Struct, frozen=True):
    """What one owner has stored.

    Args:
        store: where it is; None on a gateway that stores nothing.
        owner: whose it is.
        most_turns: how many responses one may continue.
    """

    store: Store | None
    owner: str
    most_turns: int

    async def completed(self, request: CreateRequest) -> CreateRequest:
        """The request with all that it refers to.

        Raises:
            GatewayError: when something is not there, or does not fit.
            StoreError: when it cannot be read now.
        """
        request = replace(request, has_state=self.store is not None)
        if request.has_state and request.background and request.store is False:
            message = "'store' cannot be false for a response in the background: nobody could find it."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, "store")
        if request.previous_response_id is not None:
            request = await self._after_response(request, request.previous_response_id)
        elif (conversation := conversation_id(request)) is not None:
            request = await self._in_conversation(request, conversation)
        items = request.input
        return await self._with_references(request, items) if isinstance(items, list) else request

    async def turns(self, response_id: str) -> list[Turn]:
        """The response and all that it continues, oldest first; empty if it is not there.

        Raises:
            GatewayError: when a part of it is gone, or there are too many.
        """
        if self.store is None or not is_response_id(response_id):
            return []
        turns = await self.store.chain(self.owner, response_id, most=self.most_turns)
        if turns and turns[0].previous is not None:
            if len(turns) >= self.most_turns:
                message = f"The response continues more than {self.most_turns} others."
                raise GatewayError(ErrorKind.INVALID_VALUE, message, "previous_response_id")
            raise _previous_not_found(turns[0].previous)
        return turns

    async def _after_response(self, request: CreateRequest, response_id: str) -> CreateRequest:
        turns = await self.turns(response_id)
        if not turns:
            raise _previous_not_found(response_id)
        if turns[-1].status in PENDING:
            message = f"Response with id '{response_id}' is still being made."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, "previous_response_id")
        history = parsed([item for turn in turns for item in turn.items])
        check_pairs(history, placed_items(request))
        return replace(request, history=without_cut_calls(history), history_from="previous_response_id")

    async def _in_conversation(self, request: CreateRequest, conversation: str) -> CreateRequest:
        if request.store is False:
            message = "'store' cannot be false in a conversation: its items could not be kept."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, "store")
        history = parsed(await self.conversation_items(conversation, "conversation"))
        return replace(request, history=without_cut_calls(history), history_from="conversation")

    async def conversation_items(self, conversation: str, param: str | None = None) -> list[Item]:
        """The items of a conversation, in order.

        Raises:
            GatewayError: NOT_FOUND.
        """
        if self.store is None or not is_conversation_id(conversation):
            raise conversation_not_found(conversation, param)
        if await self.store.get(self.owner, conversation) is None:
            raise conversation_not_found(conversation, param)
        return await self.store.items(self.owner, conversation)

    async def _with_references(self, request: CreateRequest, items: list[JSONObject]) -> CreateRequest:
        """References become what they stand for; one that leads nowhere stays, and is told of where it is read."""
        if self.store is None:
            return request
        wanted = {name for item in items if (name := _referenced(item)) is not None}
        if not wanted:
            return request
        found = await self.store.find(self.owner, sorted(wanted))
        return replace(request, input=[_resolved(item, found) for item in items])


def _referenced(item: JSONObject) -> str | None:
    if item_type(item) != "item_reference":
        return None
    name = item.get("id")
    return name if isinstance(name, str) and 0 < len(name) <= _LONGEST_ITEM_ID else None


def _resolved(item: JSONObject, found: dict[str, bytes]) -> JSONObject:
    body = found.get(_referenced(item) or "")
    if body is None:
        return item
    resolved: JSONObject = loads(body)
    return resolved


def parsed(items: Sequence[Item]) -> list[JSONObject]:
    """The items as objects."""
    value: list[JSONObject] = loads(b"[%b]" % b",".join(item.body for item in items))
    return value


def response_not_found(response_id: str) -> GatewayError:
    """The error for a response that is not there, or is another owner's."""
    return GatewayError(ErrorKind.NOT_FOUND, f"Response with id '{safe_word(response_id)}' not found.")


def conversation_not_found(conversation: str, param: str | None = None) -> GatewayError:
    """The error for a conversation that is not there, or is another owner's."""
    return GatewayError(ErrorKind.NOT_FOUND, f"Conversation with id '{safe_word(conversation)}' not found.", param)


def _previous_not_found(response_id: str) -> GatewayError:
    message = f"Previous response with id '{safe_word(response_id)}' not found."
    return GatewayError(ErrorKind.PREVIOUS_NOT_FOUND, message, "previous_response_id")
