"""A document becomes structs: references to the environment, unknown keys, types and ranges.

All problems of a document are found in one go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from gateway.configuration.problems import joined, refusal, unknown
from gateway.configuration.values import CHECKS

Section = TypeVar("Section", bound=msgspec.Struct)

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)


@dataclass
class Reading:
    """One pass over a document, which collects what is wrong instead of stopping at the first problem."""

    environment: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    referring: set[str] = field(default_factory=set)
    """The paths of strings that contained a reference: they may stand for numbers and booleans too."""
    unresolved: set[str] = field(default_factory=set)

    def expanded(self, value: object, path: str) -> object:
        """The value with all references in its strings replaced."""
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: self._replacement(match, path), value)
        if isinstance(value, dict):
            return {key: self.expanded(member, joined(path, key)) for key, member in value.items()}
        if isinstance(value, list):
            return [self.expanded(member, f"{path}[{index}]") for index, member in enumerate(value)]
        return value

    def _replacement(self, match: re.Match[str], path: str) -> str:
        inner = match["inner"]
        if inner is None:
            return "${"
        self.referring.add(path)
        variable = _VARIABLE.fullmatch(inner)
        if variable is None or not match["end"]:
            self._note(path, '"${" begins a reference: "${NAME}" or "${NAME:-default}"; a literal one is "$${"')
            return ""
        return self._value_of(variable["name"], variable["default"], path)

    def _value_of(self, name: str, default: str | None, path: str) -> str:
        if default is not None:
            return self.environment.get(name) or default.removeprefix(":-")
        if name not in self.environment:
            self._note(path, f"the environment variable {name} is not set")
        return self.environment.get(name, "")

    def _note(self, path: str, problem: str) -> None:
        """A problem of a reference: what came out is not looked at further."""
        self.problems.append(f"{path}: {problem}")
        self.unresolved.add(path)

    def struct(self, kind: type[Section], table: object, path: str) -> Section | None:
        """The table as a struct, or None after at least one problem was noted."""
        if not isinstance(table, dict):
            self.problems.append(f"{path}: must be a table")
            return None
        before = len(self.problems)
        known = {one.encode_name: one for one in fields(kind)}
        self.problems.extend(unknown(key, known, path) for key in table if key not in known)
        values = {name: self._member(kind, known[name], table[name], path) for name in known if name in table}
        missing = [name for name, one in known.items() if one.required and name not in table]
        self.problems.extend(f"{joined(path, name)}: is required" for name in missing)
        return kind(**values) if len(self.problems) == before else None

    def _member(self, kind: type[msgspec.Struct], one: FieldInfo, value: object, path: str) -> object:
        where = joined(path, one.encode_name)
        if nested := _struct_type(one.type):
            return self.struct(nested, value, where)
        if repeated := _repeated_struct_type(one.type):
            return self._structs(repeated, value, where)
        if where in self.unresolved:
            return None
        converted = self._converted(one.type, value, where)
        check = CHECKS.get((kind, one.name))
        if check is not None and converted is not None:
            self.problems.extend(f"{where}{problem}" for problem in check(converted))
        return converted

    def _structs(self, kind: type[msgspec.Struct], value: object, path: str) -> tuple[object, ...]:
        if not isinstance(value, list):
            self.problems.append(f"{path}: must be written as [[{path}]]")
            return ()
        return tuple(self.struct(kind, table, f"{path}[{index}]") for index, table in enumerate(value))

    def _converted(self, kind: object, value: object, path: str) -> object:
        try:
            return msgspec.convert(value, kind, strict=path not in self.referring)
        except msgspec.ValidationError as error:
            self.problems.append(refusal(kind, error, path))
            return None


def _struct_type(kind: object) -> type[msgspec.Struct] | None:
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _repeated_struct_type(kind: object) -> type[msgspec.Struct] | None:
    return _struct_type(get_args(kind)[0]) if get_origin(kind) is tuple else None
