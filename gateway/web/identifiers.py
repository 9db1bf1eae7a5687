"""Ids of what this gateway makes."""

import os
from struct import Struct

_IDS = Struct("24s" * 128)
"""So many come from one question to the system, which would cost each of them 3 us."""

_pool: list[str] = []


def mint_id(prefix: str) -> str:
    """An id with 192 random bits, so that nobody can guess another's."""
    if not _pool:
        _pool.extend(map(bytes.hex, _IDS.unpack(os.urandom(_IDS.size))))
    return f"{prefix}_{_pool.pop()}"
