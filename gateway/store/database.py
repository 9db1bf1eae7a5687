"""What the store asks of a database: statements, in one transaction or alone. Each driver does it for one database.

SQL is written once, with named parameters (`:owner`), in the words that SQLite and PostgreSQL have in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.store.protocol import StoreError

Value = str | bytes | int | float | None
Values = Mapping[str, Value]

Row = Sequence[Any]
"""The cells of a row have the types of their columns, which no annotation knows."""

SLOW_SECONDS = 30.0
"""What a look at the whole database may take."""


class UnstorableError(StoreError):
    """The database is well, and refuses this one thing: it is too large, or was there before."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Args:
        sql: the text, which no part of any request is in.
        values: it is run once with each of these.
        is_needed: when it finds no row, nothing of its transaction is done.
    """

    sql: str
    values: tuple[Values, ...]
    is_needed: bool = False

    @property
    def size(self) -> int:
        """The bytes of all its texts, nearly."""
        return sum(len(value) for each in self.values for value in each.values() if isinstance(value, bytes | str))


class Database(Protocol):
    """A database; what one process has written can be read by all that share it.

    Each method raises StoreError.
    """

    def now(self) -> float:
        """Seconds since the epoch, by a clock that all who share the database have in common."""

    async def read(self, statement: Statement, *, is_slow: bool = False) -> Sequence[Row]:
        """The rows that it finds, those of each of its values one after the other.

        Args:
            statement: changes nothing.
            is_slow: whether it may take `SLOW_SECONDS`.
        """

    async def write(self, *statements: Statement) -> Sequence[Row]:
        """Runs all of them or nothing.

        Returns: the rows of the first one; none if nothing was done since one that is needed found no row.
        """

    async def close(self) -> None:
        """Ends all use of the database."""
