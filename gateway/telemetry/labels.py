"""Names that become labels of metrics: a bounded number of them, whatever clients think up."""

import re
from collections.abc import Callable

OTHER = "other"
"""Stands for all names beyond the bound."""

_NAME = re.compile(r"[A-Za-z0-9._:/@+~-]{1,128}")


class Names:
    """Admits the names that the configuration has, and a few more.

    Args:
        is_known: whether the configuration has a name.
        most: how many others are admitted; all further ones are `other`.
    """

    def __init__(self, is_known: Callable[[str], bool], most: int) -> None:
        self._is_known = is_known
        self._most = most
        self._others: set[str] = set()

    def label(self, name: str, *, is_proven: bool = False) -> str:
        """The name, or what stands for it.

        Args:
            name: a client may have thought it up.
            is_proven: it stands for something: only such names are admitted beside the known ones.
        """
        if name in self._others or not name or self._is_known(name):
            return name
        if is_proven and len(self._others) < self._most and _NAME.fullmatch(name):
            self._others.add(name)
            return name
        return OTHER
