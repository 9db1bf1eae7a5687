"""What several sections have in common: their kind of table, and the ranges of their numbers."""

from typing import Annotated

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
CountOrNone = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0, le=10_000_000)]
Pause = Annotated[float, Meta(ge=0, le=10_000_000)]
"""Seconds that may be none at all."""
Price = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file: immutable, and every key in it is known."""
