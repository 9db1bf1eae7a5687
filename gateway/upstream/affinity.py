"""Which of several equal replicas a conversation goes to: always the same one, and little moves when one is added.

Rendezvous hashing: each replica has a score that only the conversation and its own name make, so that the order is
the same in every process and after every restart.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_SPACE = 2.0**64


def ranked(replicas: Sequence[T], session: str, *, name: Callable[[T], str], weight: Callable[[T], float]) -> list[T]:
    """The replicas in the order in which this session should try them.

    Args:
        replicas: who is equal.
        session: what the requests of one conversation have in common.
        name: the name of a replica.
        weight: its share of the sessions, in proportion to the others.
    """
    return sorted(replicas, key=lambda one: _score(session, name(one), weight(one)), reverse=True)


def _score(session: str, name: str, weight: float) -> float:
    text = f"{name}\0{session}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8).digest()
    part = (int.from_bytes(digest, "big") + 0.5) / _SPACE
    return -weight / math.log(min(part, 1 - 2**-53))
