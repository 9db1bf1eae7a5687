"""What belongs to whom a request is from."""

from functools import partial

from gateway.exchange.stored_context import StoredContext
from gateway.translate.sealed import Seal, Unseal
from gateway.web.app_keys import SEALER, STATE, Visit


def seal_for(visit: Visit) -> Seal:
    """Seals what only this caller can give back."""
    return partial(visit.app[SEALER].seal, visit.owner)


def unseal_for(visit: Visit) -> Unseal:
    """Opens what was sealed for this caller."""
    return partial(visit.app[SEALER].open, visit.owner)


def context_of(visit: Visit) -> StoredContext:
    """What this caller has stored."""
    return StoredContext(visit.app[STATE].store, visit.owner, visit.configured.settings.state.max_chain)
