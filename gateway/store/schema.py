"""The tables, and how older ones become today's. A schema only ever grows: each migration stays as it was released.

`owner` is part of every key. Ids of items come from clients, so that they are bytes: any text must do as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.store.protocol import StoreError

VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"
READ_VERSION = "SELECT MAX(version) FROM schema_version"
WRITE_VERSION = "INSERT INTO schema_version (version) VALUES ({version})"


class NewerSchemaError(StoreError):
    """A newer gateway has used the database: this one would damage what it does not understand."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words for types that databases do not share."""

    blob: str
    real: str
    serial: str


_FIRST = (
    """
    CREATE TABLE records (
        owner TEXT NOT NULL,
        id TEXT NOT NULL,
        head {blob} NOT NULL,
        created_at BIGINT NOT NULL,
        previous TEXT,
        status TEXT NOT NULL,
        is_background SMALLINT NOT NULL,
        is_conversation SMALLINT NOT NULL,
        used_at {real} NOT NULL,
        size BIGINT NOT NULL,
        PRIMARY KEY (owner, id)
    )""",
    # It has all that usage and purge look at, so that they need not read the table.
    "CREATE INDEX records_by_use ON records (used_at, size, is_conversation)",
    """
    CREATE TABLE items (
        number {serial},
        owner TEXT NOT NULL,
        record_id TEXT NOT NULL,
        item_id {blob} NOT NULL,
        body {blob} NOT NULL,
        is_output SMALLINT NOT NULL,
        FOREIGN KEY (owner, record_id) REFERENCES records (owner, id) ON DELETE CASCADE
    )""",
    "CREATE INDEX items_of_record ON items (owner, record_id, number)",
    "CREATE INDEX items_by_id ON items (owner, item_id, number)",
    """
    CREATE TABLE events (
        owner TEXT NOT NULL,
        record_id TEXT NOT NULL,
        number BIGINT NOT NULL,
        frame {blob} NOT NULL,
        PRIMARY KEY (owner, record_id, number),
        FOREIGN KEY (owner, record_id) REFERENCES records (owner, id) ON DELETE CASCADE
    )""",
    """
    CREATE TABLE runs (
        owner TEXT NOT NULL,
        record_id TEXT NOT NULL,
        runner TEXT NOT NULL,
        lease_until {real} NOT NULL,
        shall_stop SMALLINT NOT NULL,
        PRIMARY KEY (owner, record_id),
        FOREIGN KEY (owner, record_id) REFERENCES records (owner, id) ON DELETE CASCADE
    )""",
    # One row a task that only one process does at a time.
    "CREATE TABLE leases (task TEXT PRIMARY KEY, holder TEXT NOT NULL, until {real} NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Schema:
    """All migrations, oldest first: the version of a database is how many of them it has seen."""

    migrations: tuple[tuple[str, ...], ...]

    def pending(self, version: int | None, dialect: Dialect) -> Iterator[str]:
        """The statements that bring a database of this version to today's, all for one transaction.

        Raises:
            NewerSchemaError: when there is no way back.
        """
        version, newest = version or 0, len(self.migrations)
        if version > newest:
            message = f"the database has schema {version}, and this gateway knows {newest}: it needs a newer gateway"
            raise NewerSchemaError(message)
        words = {"blob": dialect.blob, "real": dialect.real, "serial": dialect.serial}
        for number, statements in enumerate(self.migrations[version:], start=version + 1):
            for sql in statements:
                yield sql.format_map(words)
            yield WRITE_VERSION.format(version=number)


SCHEMA = Schema((_FIRST,))
