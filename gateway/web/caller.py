"""Whose request it is, and what belongs to them."""

from functools import partial

from aiohttp.web import Request

from gateway.access.keys import Key
from gateway.exchange.stored_context import StoredContext
from gateway.translate.sealed import Seal, Unseal
from gateway.web.app_keys import CALLER, CONFIGURED, SEALER, STATE


def owner_of(request: Request) -> str:
    """Whom that what is kept or sealed for this request belongs to; on an open gateway it is everybody's."""
    caller: Key | None = request.get(CALLER)
    return caller.owner if caller is not None else ""


def seal_for(request: Request) -> Seal:
    """Seals what only this caller can give back."""
    return partial(request.app[SEALER].seal, owner_of(request))


def unseal_for(request: Request) -> Unseal:
    """Opens what was sealed for this caller."""
    return partial(request.app[SEALER].open, owner_of(request))


def context_of(request: Request) -> StoredContext:
    """What this caller has stored."""
    return StoredContext(request.app[STATE].store, owner_of(request), request[CONFIGURED].settings.state.max_chain)
