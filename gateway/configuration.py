"""Reading the configuration file into `Settings`: TOML, references to the environment, and every check.

All problems of a file are found in one go, each with the path of the key it is about. No value is repeated in a
message, because any of them may be a secret. What can be configured is in `gateway.settings`.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import to_builtins
from msgspec.structs import FieldInfo, fields, replace

from gateway.dialects.table import PRESETS, with_preset
from gateway.settings import (
    AuthSettings,
    LimitsSettings,
    ProviderSettings,
    Quirks,
    SealingSettings,
    ServerSettings,
    Settings,
    StateSettings,
)
from gateway.upstream.connection_check import connection_problems, located

Table = Mapping[str, object]
Section = TypeVar("Section", bound=msgspec.Struct)
KeysSection = TypeVar("KeysSection", AuthSettings, SealingSettings)

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ConfigurationError(Exception):
    """The gateway cannot start as it is configured.

    Args:
        problems: all that is wrong, one sentence each; no secret is in any of them.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """The settings in the file.

    Raises:
        ConfigurationError: with all problems of the file.
    """
    return from_document(document_of(path), path, environment)


def from_document(plain: Table, path: Path, environment: Mapping[str, str]) -> Settings:
    """The settings in what a file holds; its paths start beside `path`, which problems name too.

    Raises:
        ConfigurationError: with all problems.
    """
    reading = _Reading(environment)
    document = {key: reading.expanded(value, _joined("", key)) for key, value in plain.items()}
    if isinstance(tables := document.get("providers"), list):
        document["providers"] = [with_preset(table) for table in tables]
    settings = reading.struct(Settings, document, "")
    reading.problems.extend(_relations(document))
    providers = tuple(located(provider, path.parent) for provider in settings.providers) if settings else ()
    for index, provider in enumerate(providers):
        problems = connection_problems(provider, environment)
        reading.problems.extend(f"providers[{index}].{problem}" for problem in problems)
    if reading.problems or settings is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return replace(
        settings,
        auth=_beside(path, settings.auth),
        limits=_budgets_beside(path, settings.limits),
        sealing=_beside(path, settings.sealing),
        state=replace(settings.state, path=str((path.parent / settings.state.path).absolute())),
        providers=providers,
    )


def keys_file(path: Path, environment: Mapping[str, str]) -> Path | None:
    """Where the file says that the keys are; all else in it may be wrong or need variables that are not set here."""
    reading = _Reading(environment)
    table = reading.expanded(document_of(path).get("auth", {}), "auth")
    auth = reading.struct(AuthSettings, table, "auth")
    if reading.problems or auth is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return Path(_beside(path, auth).keys_file) if auth.keys_file else None


def listener(path: Path, environment: Mapping[str, str]) -> ServerSettings:
    """What the file says of `[server]`; all else in it may be wrong, or need variables that are not set here."""
    reading = _Reading(environment)
    server = reading.struct(ServerSettings, reading.expanded(document_of(path).get("server", {}), "server"), "server")
    if reading.problems or server is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return server


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings of a gateway without a file: all defaults, and keys only where the environment names a file."""
    name = environment.get("GATEWAY_KEYS_FILE", "")
    auth = AuthSettings(keys_file=str(Path(name).absolute()) if name else "")
    return Settings(auth=auth, limits=LimitsSettings(budgets_file=""), sealing=SealingSettings(keys_file=""))


def _budgets_beside(path: Path, limits: LimitsSettings) -> LimitsSettings:
    if not limits.budgets_file:
        return limits
    return replace(limits, budgets_file=str((path.parent / limits.budgets_file).absolute()))


def _beside(path: Path, section: KeysSection) -> KeysSection:
    if not section.keys_file:
        return section
    return replace(section, keys_file=str((path.parent / section.keys_file).absolute()))


def document_of(path: Path) -> dict[str, object]:
    """What the file holds, with its references as they are written.

    Raises:
        ConfigurationError: when it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: is not UTF-8 (byte {error.start})"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None


@dataclass
class _Reading:
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
            return {key: self.expanded(member, _joined(path, key)) for key, member in value.items()}
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
        self.problems.extend(_unknown(key, known, path) for key in table if key not in known)
        values = {name: self._member(kind, known[name], table[name], path) for name in known if name in table}
        missing = [name for name, one in known.items() if one.required and name not in table]
        self.problems.extend(f"{_joined(path, name)}: is required" for name in missing)
        return kind(**values) if len(self.problems) == before else None

    def _member(self, kind: type[msgspec.Struct], one: FieldInfo, value: object, path: str) -> object:
        where = _joined(path, one.encode_name)
        if nested := _struct_type(one.type):
            return self.struct(nested, value, where)
        if repeated := _repeated_struct_type(one.type):
            return self._structs(repeated, value, where)
        if where in self.unresolved:
            return None
        converted = self._converted(one.type, value, where)
        check = _CHECKS.get((kind, one.name))
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
            self.problems.append(_refusal(kind, error, path))
            return None


def _struct_type(kind: object) -> type[msgspec.Struct] | None:
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _repeated_struct_type(kind: object) -> type[msgspec.Struct] | None:
    return _struct_type(get_args(kind)[0]) if get_origin(kind) is tuple else None


def _joined(path: str, key: str) -> str:
    word = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
    return f"{path}.{word}" if path else word


def _unknown(key: str, known: Iterable[str], path: str) -> str:
    return f"{_joined(path, key)}: unknown key{_nearest(key, known)}"


def _nearest(word: str, known: Iterable[str]) -> str:
    """A suggestion to append to a message, where something known looks like the word."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ""


def _refusal(kind: object, error: msgspec.ValidationError, path: str) -> str:
    """The library's message with our path, and without the value, which it repeats for enumerations only."""
    message, _, inside = str(error).partition(" - at `$")
    place = path + inside.removesuffix("`").replace("[...]", "")
    choices = _choices(kind)
    if message.startswith("Invalid enum value"):
        return f"{place}: must be one of " + ", ".join(json.dumps(choice) for choice in choices)
    return f"{place}: {message[0].lower()}{message[1:]}"


def _choices(kind: object) -> tuple[str, ...]:
    while get_origin(kind) is not Literal and get_args(kind):
        kind = get_args(kind)[0]
    return get_args(kind)


def _url_problems(value: object) -> Iterator[str]:
    url = str(value)
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        yield ": is not a valid URL"
        return
    if parts.scheme not in {"http", "https"} or not valid:
        yield ": must be http://HOST or https://HOST, with a port and a path where they are needed"
    if parts.username is not None or parts.password is not None:
        yield ": must not contain credentials; a key belongs into api_key"
    if "?" in url or "#" in url:
        yield ": must not contain a query or a fragment"
    if not url.isascii() or not url.isprintable() or " " in url:
        yield ": must be printable ASCII without spaces"


def _api_key_problems(value: object) -> Iterator[str]:
    key = str(value)
    if not key.isascii() or not key.isprintable() or " " in key:
        yield ": has characters that cannot be sent in a header (a line break at the end?)"


def _header_problems(value: object) -> Iterator[str]:
    for name, text in value.items() if isinstance(value, dict) else ():
        if not _HEADER_NAME.fullmatch(name):
            yield f".{json.dumps(name)}: is not the name of a header"
        elif not text.isprintable():
            yield f".{json.dumps(name)}: has characters that cannot be sent in a header"


_NEVER_HOSTED = frozenset({"function", "custom", "namespace"})
_NEVER_SET = frozenset({"model", "messages", "stream", "stream_options"})


def _hosted_tools_problems(value: object) -> Iterator[str]:
    for kind, members in value.items() if isinstance(value, dict) else ():
        place = f".{_joined('', kind)}"
        if kind in _NEVER_HOSTED:
            yield f"{place}: is a tool of the client, never a hosted one"
        for name in sorted(_NEVER_SET & set(members)):
            yield f"{place}.{name}: is the gateway's to set"


def _dialect_problems(value: object) -> Iterator[str]:
    name = str(value)
    if name not in PRESETS:
        yield f": no preset has this name{_nearest(name, PRESETS)}"


def _database_problems(value: object) -> Iterator[str]:
    """What the driver makes of the rest, it says itself when it connects."""
    if value and not str(value).startswith(("postgresql://", "postgres://")):
        yield ": must be postgresql://USER:PASSWORD@HOST/DATABASE"


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and port != 0


def _redis_problems(value: object) -> Iterator[str]:
    if value and not _is_redis(str(value)):
        yield ": must be redis://HOST, rediss://HOST or unix:///PATH, with a port, a user and a database where needed"


_COSTS = ("cost_per_day", "cost_per_month")
_NEVER_DROPPED = ("model", "messages", "stream")


def _drop_problems(value: object) -> Iterator[str]:
    for index, pattern in enumerate(value if isinstance(value, tuple) else ()):
        for name in _NEVER_DROPPED:
            if fnmatchcase(name, pattern):
                yield f"[{index}]: would drop {name}, without which there is no request"


_CHECKS: Mapping[tuple[type[msgspec.Struct], str], Callable[[object], Iterator[str]]] = {
    (ProviderSettings, "base_url"): _url_problems,
    (ProviderSettings, "api_key"): _api_key_problems,
    (ProviderSettings, "headers"): _header_problems,
    (ProviderSettings, "hosted_tools"): _hosted_tools_problems,
    (ProviderSettings, "dialect"): _dialect_problems,
    (Quirks, "drop"): _drop_problems,
    (LimitsSettings, "redis"): _redis_problems,
    (StateSettings, "url"): _database_problems,
}


def _relations(document: Table) -> Iterator[str]:
    """What is wrong between tables; read from the plain document, so that it is found beside other problems."""
    providers = _members(document, "providers", "name")
    aliases = _members(document, "models", "id")
    yield from _state_problems(document)
    yield from _body_problems(document)
    yield from _cost_problems(document)
    yield from _repetitions(providers, "providers", "name")
    yield from _repetitions(aliases, "models", "id")
    for index, name in aliases.items():
        if name in providers.values():
            yield f"models[{index}].id: is the name of a provider too"
    for place, target in _targets(document):
        yield from (f"{place}: {problem}" for problem in _target_problems(target, list(providers.values())))
    yield from _default_model_problems(document, [*aliases.values(), *(f"{name}/" for name in providers.values())])


def _state_problems(document: Table) -> Iterator[str]:
    state = document.get("state")
    if isinstance(state, dict) and state.get("backend") == "postgresql" and not state.get("url"):
        yield 'state.url: is required where state.backend is "postgresql"'


def _body_problems(document: Table) -> Iterator[str]:
    """A body that is allowed and never fits would be refused again and again."""
    tables = ((document.get(name), kind) for name, kind in (("server", ServerSettings), ("limits", LimitsSettings)))
    server, limits = (dict(to_builtins(kind())) | (table if isinstance(table, dict) else {}) for table, kind in tables)
    largest, most = server["max_body_bytes"], limits["max_body_bytes_in_flight"]
    if isinstance(largest, int) and isinstance(most, int) and 0 < most < largest:
        yield "limits.max_body_bytes_in_flight: must be 0, or at least server.max_body_bytes"


def _cost_problems(document: Table) -> Iterator[str]:
    """Money that nobody counts is never spent."""
    limits = document.get("limits")
    if isinstance(limits, dict) and not any(table.get("prices") for _, table in _tables(document, "providers")):
        yield from (f"limits.{name}: no provider has prices" for name in _COSTS if limits.get(name))


def _default_model_problems(document: Table, known: list[str]) -> Iterator[str]:
    """Only what can never work: an id without its provider may still be one that an upstream has."""
    server = document.get("server")
    model = server.get("default_model") if isinstance(server, dict) else None
    if not isinstance(model, str) or not model or any(model == name or _begins(model, name) for name in known):
        return
    tables = [table for _, table in _tables(document, "providers")]
    if tables and all(_is_never_bare(table, model) for table in tables):
        yield f"server.default_model: no provider or alias has this model{_nearest(model, known)}"


def _begins(model: str, prefix: str) -> bool:
    return prefix.endswith("/") and model.startswith(prefix)


def _is_never_bare(provider: Table, model: str) -> bool:
    patterns = provider.get("models")
    return isinstance(patterns, list) and bool(patterns) and not any(fnmatchcase(model, str(one)) for one in patterns)


def _tables(document: Table, section: str) -> Iterator[tuple[int, Table]]:
    tables = document.get(section)
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, dict):
            yield index, table


def _members(document: Table, section: str, key: str) -> dict[int, str]:
    """The strings under one key of a section's tables, by the index of the table."""
    found = ((index, table.get(key)) for index, table in _tables(document, section))
    return {index: value for index, value in found if isinstance(value, str)}


def _repetitions(names: Mapping[int, str], section: str, key: str) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, name in names.items():
        if first.setdefault(name, index) != index:
            yield f"{section}[{index}].{key}: is the same as that of {section}[{first[name]}]"


def _targets(document: Table) -> Iterator[tuple[str, str]]:
    for index, table in _tables(document, "models"):
        targets = table.get("targets")
        yield from _names(targets if isinstance(targets, list) else [], f"models[{index}].targets")


def _names(targets: list[object], path: str) -> Iterator[tuple[str, str]]:
    """The targets of a list, also those of the lists in it, however each is written."""
    for position, target in enumerate(targets):
        place = f"{path}[{position}]"
        if isinstance(target, list):
            yield from _names(target, place)
        elif isinstance(target, dict):
            yield from ((f"{place}.target", name) for name in [target.get("target")] if isinstance(name, str))
        elif isinstance(target, str):
            yield place, target


def _target_problems(target: str, providers: list[str]) -> Iterator[str]:
    provider, _, model = target.partition("/")
    if not provider or not model:
        yield 'must be "provider/model"'
    elif provider not in providers:
        yield f"no provider has this name{_nearest(provider, providers)}"
