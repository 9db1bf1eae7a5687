"""Opens the store that the settings name."""

from gateway.settings import StateSettings
from gateway.store.memory import MemoryStore
from gateway.store.protocol import Store
from gateway.store.records import Bounds

_MEMORY_BYTES = 134_217_728
_MEMORY_RECORDS = 100_000


def open_store(settings: StateSettings) -> Store | None:
    """The store; None where nothing is to be stored."""
    if settings.backend == "none":
        return None
    bounds = Bounds(
        settings.max_bytes or _MEMORY_BYTES, settings.max_records or _MEMORY_RECORDS, settings.max_age_seconds
    )
    return MemoryStore(bounds)
