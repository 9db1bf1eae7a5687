"""The names that tools have upstream, and the way back from them.

A Chat upstream knows one flat list of functions with names of 64 safe characters. A Responses client knows
namespaces, several kinds of tools, and calls a tool by the pair of namespace and name.
"""

import re
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256


class ToolKind(Enum):
    """The forms in which a tool is declared and called; the value is the type of its declaration."""

    FUNCTION = "function"
    CUSTOM = "custom"
    TOOL_SEARCH = "tool_search"
    LOCAL_SHELL = "local_shell"
    SHELL = "shell"
    APPLY_PATCH = "apply_patch"


@dataclass(frozen=True, slots=True)
class ToolOrigin:
    """A tool as the client knows it."""

    kind: ToolKind
    name: str
    namespace: str | None


TOP_LEVEL_NAMESPACE = "functions"
"""The group in which Codex puts what has no group; its tools come back without a namespace."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_NAMED_KINDS = (ToolKind.FUNCTION, ToolKind.CUSTOM)
_HASH_LENGTH = 8


def tool_origin(kind: ToolKind, name: str, namespace: str | None) -> ToolOrigin:
    """The origin, with the default group taken away."""
    return ToolOrigin(kind, name, None if namespace in (None, "", TOP_LEVEL_NAMESPACE) else namespace)


class ToolNames:
    """Gives every tool of one request its name upstream; the same tool always gets the same."""

    def __init__(self, declared: list[ToolOrigin]) -> None:
        self.origins: dict[str, ToolOrigin] = {}
        self._names: dict[ToolOrigin, str] = {}
        # A plain name stays as it is, whatever a namespace makes of its own names.
        for origin in sorted(declared, key=_is_derived):
            self._add(origin)

    def name(self, origin: ToolOrigin) -> str:
        """The name upstream; a tool that only the history knows gets one too."""
        for known in (origin, *_same_name(origin)):
            if known in self._names:
                return self._names[known]
        return self._add(origin)

    def declared_name(self, origin: ToolOrigin) -> str | None:
        """The name upstream, or nothing for a tool that has none yet."""
        return self._names.get(origin)

    def _add(self, origin: ToolOrigin) -> str:
        name = flat_name(origin)
        attempt = 0
        while not _SAFE_NAME.fullmatch(name) or name in self.origins:
            name = _hashed_name(origin, attempt)
            attempt += 1
        self.origins[name] = origin
        self._names[origin] = name
        return name


def flat_name(origin: ToolOrigin) -> str:
    """Namespace and name in one, as a model reads it best."""
    return origin.name if origin.namespace is None else f"{origin.namespace}__{origin.name}"


def _is_derived(origin: ToolOrigin) -> bool:
    return origin.namespace is not None or not _SAFE_NAME.fullmatch(origin.name)


def _same_name(origin: ToolOrigin) -> list[ToolOrigin]:
    """The history may replay a freeform call as a function call and the other way round."""
    if origin.kind not in _NAMED_KINDS:
        return []
    return [ToolOrigin(kind, origin.name, origin.namespace) for kind in _NAMED_KINDS if kind is not origin.kind]


def _hashed_name(origin: ToolOrigin, attempt: int) -> str:
    identity = "\0".join((origin.kind.value, origin.namespace or "", origin.name, str(attempt)))
    digest = sha256(identity.encode("utf-8", "replace")).hexdigest()[:_HASH_LENGTH]
    readable = _UNSAFE.sub("_", flat_name(origin))[: 64 - _HASH_LENGTH - 1]
    return f"{readable}_{digest}"
