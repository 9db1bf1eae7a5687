"""What is wrong between tables, where each of them may be right by itself."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from msgspec import to_builtins

from gateway.configuration.problems import nearest
from gateway.settings import LimitsSettings, ServerSettings

Table = Mapping[str, object]

_COSTS = ("cost_per_day", "cost_per_month")


def relations(document: Table) -> Iterator[str]:
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
        yield f"server.default_model: no provider or alias has this model{nearest(model, known)}"


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
        yield f"no provider has this name{nearest(provider, providers)}"
