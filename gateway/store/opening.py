"""Opens the store that the settings name.

A database that is down is no reason not to start: it is used as soon as it is there.
"""

from pathlib import Path

from gateway.configuration import ConfigurationError
from gateway.configuration.extras import POSTGRESQL
from gateway.settings import StateSettings
from gateway.store.database import Database
from gateway.store.guard import GuardedDatabase
from gateway.store.memory import MemoryStore
from gateway.store.protocol import Store
from gateway.store.records import Bounds
from gateway.store.schema import NewerSchemaError
from gateway.store.sql import SQLStore

_MEMORY_BYTES = 134_217_728
_MEMORY_RECORDS = 100_000
_DATABASE_BYTES = 10_737_418_240


def open_store(settings: StateSettings) -> Store | None:
    """The store; None where nothing is to be stored.

    Raises:
        ConfigurationError: when it can never be used as it is configured.
        DamagedStoreError: when it is damaged, and shall stay as it is.
    """
    match settings.backend:
        case "none":
            return None
        case "memory":
            return MemoryStore(_bounds(settings, _MEMORY_BYTES, _MEMORY_RECORDS))
        case "sqlite":
            return _guarded(_sqlite(settings), settings)
        case "postgresql":
            return _guarded(_postgresql(settings), settings)


def _guarded(database: Database, settings: StateSettings) -> Store:
    return SQLStore(GuardedDatabase(database, seconds=settings.timeout_seconds), _bounds(settings, _DATABASE_BYTES))


def _bounds(settings: StateSettings, most_bytes: int, most_records: int = 0) -> Bounds:
    """The bounds that are set, or else these."""
    return Bounds(settings.max_bytes or most_bytes, settings.max_records or most_records, settings.max_age_seconds)


def _sqlite(settings: StateSettings) -> Database:
    # What a gateway without SQLite need not load: 3 MB.
    from gateway.store.sqlite import SqliteDatabase  # noqa: PLC0415
    from gateway.store.sqlite_file import prepare  # noqa: PLC0415

    path = Path(settings.path)
    try:
        prepare(path, set_aside=settings.on_corruption == "set_aside", seconds=settings.timeout_seconds)
    except OSError as error:
        problem = f"state.path: {path} cannot be used: {error.strerror or error}"
        raise ConfigurationError([problem]) from error
    except NewerSchemaError as error:
        raise ConfigurationError([f"state.path: {path}: {error}"]) from error
    return SqliteDatabase(path, seconds=settings.timeout_seconds)


def _postgresql(settings: StateSettings) -> Database:
    if not settings.url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(["state.url: must be postgresql://user:password@host/database"])
    POSTGRESQL.require()
    from gateway.store.postgresql import PostgresDatabase  # noqa: PLC0415 - it needs the extra

    return PostgresDatabase(settings.url)
