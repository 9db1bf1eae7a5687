"""What belongs to whom a request is from."""

from functools import lru_cache, partial
from typing import NamedTuple

from gateway.access.sealing import Sealer
from gateway.exchange.stored_context import StoredContext
from gateway.translate.sealed import Seal, Unseal
from gateway.web.visit import Visit


class Sealing(NamedTuple):
    """Seals what only one caller can give back, and opens what was sealed for them."""

    seal: Seal
    unseal: Unseal


def sealing_for(visit: Visit) -> Sealing:
    """That of this caller."""
    return _sealing_for(visit.services.sealer, visit.owner)


@lru_cache
def _sealing_for(sealer: Sealer, owner: str) -> Sealing:
    """The same one for all streams of an owner."""
    return Sealing(partial(sealer.seal, owner), partial(sealer.open, owner))


def context_of(visit: Visit) -> StoredContext:
    """What this caller has stored."""
    return StoredContext(visit.services.state.store, visit.owner, visit.configured.settings.state.max_chain)
