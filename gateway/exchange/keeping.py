"""Stores a response, in the moment between its last word and its end: who reads of the end can continue from it.

A store that is down, full or slow costs nothing but the storing: the response then says so.
"""

import logging
from collections.abc import Sequence

from gateway.codec.json import dumps
from gateway.spec.requests import CreateRequest
from gateway.store.protocol import Store, StoreError
from gateway.store.records import Item, Record
from gateway.translate.composer import MintId
from gateway.translate.continuation import stored_items
from gateway.translate.echo import conversation_id
from gateway.translate.response_object import RenderedResponse

_log = logging.getLogger(__name__)

_CONTINUED = ("completed", "incomplete")
"""How a response must have ended for a conversation to go on with it."""


class Keeping:
    """What is to be stored of one exchange.

    Args:
        store: where.
        owner: whose it is.
        request: what the client asked.
        mint_id: makes ids for the items that the client sent without one.
    """

    __slots__ = (
        "_conversation",
        "_has_begun",
        "_input",
        "_mint_id",
        "_owner",
        "_previous",
        "_rendered",
        "_store",
        "has_failed",
        "is_background",
    )

    def __init__(self, store: Store, owner: str, request: CreateRequest, mint_id: MintId) -> None:
        self._store = store
        self._owner = owner
        self._mint_id = mint_id
        self._input = request.input
        self._rendered: list[Item] | None = None
        self._previous = request.previous_response_id
        self._conversation = conversation_id(request)
        self.is_background = bool(request.background)
        """Whether the response is to be made apart from its request."""
        self._has_begun = False
        self.has_failed = False
        """Whether the store could not do it the last time; false for a response that was deleted meanwhile."""

    def let_go(self) -> None:
        """Renders the items of the input, so that nothing else of the request is held: bytes are a fraction of objects.

        A text alone is small enough as it is.
        """
        if not isinstance(self._input, str):
            self._items()

    async def begin(self, queued: RenderedResponse, *, runner: str, seconds: float) -> None:
        """Stores a response that is still to be made in the background, by this runner.

        Raises:
            StoreError: when it cannot be stored.
        """
        await self._store.begin_run(self._record(queued), self._items(), runner=runner, seconds=seconds)
        self._has_begun = True

    async def keep(self, ending: RenderedResponse) -> bool:
        """Stores the response with how it ended; says whether it is stored now."""
        try:
            is_stored = await (self._end(ending) if self._has_begun else self._put(ending))
        except StoreError as error:
            _log.info("a response could not be stored", extra={"fields": {"reason": str(error)}})
            self.has_failed = True
            return False
        self.has_failed = False
        return is_stored

    async def _put(self, ending: RenderedResponse) -> bool:
        items = [*self._items(), *_output(ending)]
        await self._store.put(self._record(ending), items, append_to=self._continued(ending))
        return True

    async def _end(self, ending: RenderedResponse) -> bool:
        """Ends a run; its input is stored already, but not yet where its conversation has it."""
        conversation = self._continued(ending)
        is_kept = await self._store.end_run(self._record(ending), _output(ending))
        if is_kept and conversation is not None:
            await self._store.append(self._owner, conversation, [*self._items(), *_output(ending)])
        return is_kept

    def _record(self, response: RenderedResponse) -> Record:
        return Record(
            self._owner,
            response.response_id,
            response.head(is_stored=True),
            response.created_at,
            previous=self._previous,
            status=response.status,
            is_background=self.is_background,
        )

    def _continued(self, ending: RenderedResponse) -> str | None:
        return self._conversation if ending.status in _CONTINUED else None

    def _items(self) -> list[Item]:
        if self._rendered is None:
            items = stored_items(self._input, self._mint_id)
            self._rendered, self._input = [Item(item["id"], dumps(item)) for item in items], None
        return self._rendered


def _output(ending: RenderedResponse) -> Sequence[Item]:
    return [Item(item_id, body, is_output=True) for item_id, body in ending.output]
