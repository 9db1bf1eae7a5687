"""Ids of what this gateway makes."""

import os

_ID_BYTES = 24
_POOL_IDS = 128
"""So many come from one question to the system, which would cost each of them 3 us."""

_pool: list[str] = []


def mint_id(prefix: str) -> str:
    """An id with 192 random bits, so that nobody can guess another's."""
    if not _pool:
        digits = os.urandom(_ID_BYTES * _POOL_IDS).hex()
        _pool.extend([digits[start : start + 2 * _ID_BYTES] for start in range(0, len(digits), 2 * _ID_BYTES)])
    return f"{prefix}_{_pool.pop()}"
