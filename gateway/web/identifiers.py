"""Ids of what this gateway makes."""

import secrets

_ID_BYTES = 24


def mint_id(prefix: str) -> str:
    """An id with 192 random bits, so that nobody can guess another's."""
    return f"{prefix}_{secrets.token_hex(_ID_BYTES)}"
