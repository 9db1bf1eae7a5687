"""What belongs to whom a request is from."""

from functools import lru_cache, partial

from gateway.access.sealing import Sealer
from gateway.exchange.stored_context import StoredContext
from gateway.translate.sealed import Seal, Unseal
from gateway.web.app_keys import SEALER, STATE, Visit


def seal_for(visit: Visit) -> Seal:
    """Seals what only this caller can give back."""
    return _seal_for(visit.app[SEALER], visit.owner)


def unseal_for(visit: Visit) -> Unseal:
    """Opens what was sealed for this caller."""
    return _unseal_for(visit.app[SEALER], visit.owner)


@lru_cache
def _seal_for(sealer: Sealer, owner: str) -> Seal:
    """The same one for all streams of an owner."""
    return partial(sealer.seal, owner)


@lru_cache
def _unseal_for(sealer: Sealer, owner: str) -> Unseal:
    return partial(sealer.open, owner)


def context_of(visit: Visit) -> StoredContext:
    """What this caller has stored."""
    return StoredContext(visit.app[STATE].store, visit.owner, visit.configured.settings.state.max_chain)
