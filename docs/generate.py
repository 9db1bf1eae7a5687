"""Writes the tables of the documentation that follow from the code, between their markers.

`python -m docs.generate` rewrites them in place. All other text of the pages is written by hand; the tests hold both
against the code.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import get_args

from msgspec.structs import fields
from prometheus_client import Metric

from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.demo import directions
from gateway.dialects.preset import Choice
from gateway.dialects.table import PRESETS
from gateway.errors import ErrorKind
from gateway.settings import Quirks, Settings
from gateway.store.memory import MemoryStore
from gateway.store.records import Bounds
from gateway.translate.signals import (
    Annotation,
    CallArguments,
    CallStart,
    Failure,
    Finish,
    MessageStart,
    Opaque,
    PartEnd,
    Reasoning,
    ReasoningStart,
    Refusal,
    Text,
    Whole,
)
from gateway.translate.transitions import TRANSITIONS, Open
from gateway.web.app import create_app
from gateway.web.services import SERVICES
from tests.faults import cases

DOCS = Path(__file__).parent
EXAMPLE = DOCS.parent / "config" / "gateway.toml"

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z_.]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_HEADER = re.compile(r"#?\[{1,2}([a-z.]+)\]{1,2}")
_KEY = re.compile(r"#?([a-z_]+) = (.+)")

_SIGNALS = (
    Text,
    Reasoning,
    Refusal,
    CallStart,
    CallArguments,
    MessageStart,
    ReasoningStart,
    PartEnd,
    Annotation,
    Whole,
    Opaque,
    Finish,
    Failure,
)

_WHEN = {
    ErrorKind.INVALID_JSON: "the body is no JSON, or its compression is damaged",
    ErrorKind.INVALID_TYPE: "a member has the wrong JSON type",
    ErrorKind.INVALID_VALUE: "a value is out of range, or the body is too deep or holds too many values",
    ErrorKind.MISSING_PARAMETER: "a required member is absent",
    ErrorKind.UNSUPPORTED_PARAMETER: "a member cannot be honoured at all, or strict mode refuses it",
    ErrorKind.UNSUPPORTED_VALUE: "a value cannot be honoured at all, or strict mode refuses it",
    ErrorKind.PREVIOUS_NOT_FOUND: "`previous_response_id`, or a response that it continues, is not stored",
    ErrorKind.CONTEXT_LENGTH: "the upstream says that the prompt does not fit",
    ErrorKind.UPSTREAM_REJECTED: "the upstream refuses the translated request",
    ErrorKind.BAD_REQUEST: "the request is not valid HTTP, or its `Expect` is unknown",
    ErrorKind.INVALID_API_KEY: "the key is missing, malformed or unknown",
    ErrorKind.MODEL_NOT_ALLOWED: "the key may not use this model",
    ErrorKind.NOT_FOUND: "there is nothing at the path, or no response or conversation with the id",
    ErrorKind.ITEM_NOT_FOUND: "an `item_reference` points to an item that is not stored",
    ErrorKind.MODEL_NOT_FOUND: "no provider has the model",
    ErrorKind.METHOD_NOT_ALLOWED: "the path has another method; `Allow` names it",
    ErrorKind.BODY_TIMEOUT: "the body did not arrive within `body_timeout_seconds`",
    ErrorKind.BODY_TOO_LARGE: "the body, decompressed, is larger than `max_body_bytes`",
    ErrorKind.UNSUPPORTED_MEDIA_TYPE: "the `Content-Encoding` is unknown or stacked",
    ErrorKind.UPGRADE_REQUIRED: "a WebSocket was asked for",
    ErrorKind.KEY_LIMITED: "the key has reached a [limit](limits.md), or too many responses run in the background",
    ErrorKind.BUDGET_SPENT: "the key has spent its [budget](limits.md#budgets) of the day or month",
    ErrorKind.RATE_LIMITED: "the upstream limits the rate; `Retry-After` is always there",
    ErrorKind.INSUFFICIENT_QUOTA: "the account at the upstream is empty",
    ErrorKind.INTERNAL: "a fault of the gateway; the log has its place",
    ErrorKind.UPSTREAM_ERROR: "the upstream failed, broke off, or sent an empty answer",
    ErrorKind.UPSTREAM_PROTOCOL: "the upstream sent what is no Chat Completions answer, or too much",
    ErrorKind.UPSTREAM_CREDENTIALS: "the upstream refuses the key that the gateway has for it",
    ErrorKind.UPSTREAM_UNREACHABLE: "no connection to the upstream, or its circuit breaker is open",
    ErrorKind.UPSTREAM_TLS: "the upstream's certificate is expired, unknown or for another name, or TLS fails",
    ErrorKind.UPSTREAM_OVERLOADED: "the upstream says that it is overloaded, or its queue here is full or too slow",
    ErrorKind.STATE_UNAVAILABLE: "the request needs what is stored, and the store is down",
    ErrorKind.OVERLOADED: "the process has reached one of its [caps](limits.md#of-the-process)",
    ErrorKind.SHUTTING_DOWN: "the drain limit ended the request",
    ErrorKind.TIMEOUT: "the upstream was too slow; the code says in which phase",
}
"""The cause of each error, for people. A kind without one fails here."""


_OWN_REASONS = {"server.port": "0 takes a free one, which the log names."}
"""Keys that the example has below another's comment, which is not about them."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the example configuration: its default as TOML, and what the comment above it says."""

    name: str
    default: str
    reason: str


def example_keys() -> dict[str, list[Key]]:
    """The keys of the example configuration by their section, in its order; keys may share one comment."""
    sections: dict[str, list[Key]] = {}
    section, comment, is_said = "", list[str](), False
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            comment = [] if is_said else comment
            comment.append(line.removeprefix("# "))
            is_said = False
            continue
        is_said = True
        if header := _HEADER.fullmatch(line):
            section = header[1]
        elif key := _KEY.fullmatch(line):
            path = f"{section}.{key[1]}"
            sections.setdefault(section, []).append(Key(key[1], key[2], _OWN_REASONS.get(path, " ".join(comment))))
        else:
            comment = []
    return sections


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def settings_table(section: str) -> str:
    """Every key of a section."""
    rows = [[_code(key.name), _code(key.default), _words(key.reason)] for key in example_keys()[section]]
    return table(["Key", "Default", "What it does, and why it is so"], rows)


def quirks_table() -> str:
    """Every quirk with the values that it may have."""
    values = {one.encode_name: _values(one.type) for one in fields(Quirks)}
    rows = [
        [_code(key.name), values[key.name], _code(key.default), _words(key.reason)]
        for key in example_keys()["providers.quirks"]
    ]
    return table(["Quirk", "Values", "Default", "What it means"], rows)


def presets_table() -> str:
    """Every preset with what it sets, why, and where that is from."""
    rows = [
        [_code(preset.name), preset.title, _code(preset.base_url) if preset.base_url else "", "<br>".join(lines) or "—"]
        for preset in PRESETS.values()
        for lines in [[_choice(choice) for choice in preset.choices]]
    ]
    return table(["`dialect`", "For", "`base_url`", "What it sets, and why"], rows)


def _choice(choice: Choice) -> str:
    value = json.dumps(choice.value) if not isinstance(choice.value, dict) else _inline_table(choice.value)
    return f"`{choice.quirk} = {value}`: {_words(choice.reason)} ([source]({choice.source}))"


def _inline_table(value: dict[str, object]) -> str:
    members = ", ".join(f"{name} = {json.dumps(member)}" for name, member in value.items())
    return f"{{ {members} }}" if members else "{}"


def errors_table() -> str:
    """Every kind of error, as it looks on the wire."""
    rows = [
        [
            str(rule.status),
            _code(rule.code),
            _code(rule.type),
            _code(rule.stream_code),
            rule.source,
            "yes" if rule.retryable else "no",
            _WHEN[kind],
        ]
        for kind in ErrorKind
        for rule in [kind.value]
    ]
    return table(["Status", "`code`", "`type`", "in `response.failed`", "Fault of", "Next target", "When"], rows)


def transitions_table() -> str:
    """What the composer does for each signal in each state."""
    rows = [[state.value, *(_steps(state, signal) for signal in _SIGNALS)] for state in Open]
    return table(["Open", *(f"`{signal.__name__}`" for signal in _SIGNALS)], rows)


def directions_table() -> str:
    """The words that steer the demo upstream, as its own module lists them."""
    lines = (directions.__doc__ or "").splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith("|"))


def metrics_table() -> str:
    """Every metric of the gateway's own, with the labels that its series have."""
    app = create_app(Settings(), KeyStore(None, "key"), sealer_from(None), MemoryStore(Bounds()))
    rows = [
        [_code(_exposed(metric)), metric.type, ", ".join(map(_code, labels)) or "—", _words(metric.documentation)]
        for collector in app[SERVICES].metrics.registry._collector_to_names  # noqa: SLF001 - no other way to the labels
        for metric in getattr(collector, "describe", list)()
        for labels in [getattr(metric, "_labelnames", ()) or getattr(collector, "_labelnames", ())]
        if metric.name.startswith("gateway")
    ]
    return table(["Metric", "Type", "Labels", "What it is"], sorted(rows))


def cases_tables() -> str:
    """The faults by number, with the tests that show each and what they measured last."""
    tests, measured = cases.marked_tests(), cases.figures()
    return "\n".join(
        f"### {group.cases[0].number[0]}: {group.title}\n\n{table(_CASE_HEAD, rows)}"
        for group in cases.groups()
        for rows in [[_case(case, tests, measured) for case in group.cases]]
    )


_CASE_HEAD = ("", "What happens", "What holds", "Bound", "Measured", "Shown by")


def _case(case: cases.Case, tests: dict[str, list[Path]], measured: dict[str, dict[str, str]]) -> list[str]:
    figures = ", ".join(f"{name}: {value}" for name, value in measured.get(case.number, {}).items())
    shown = ", ".join(f"[{path.stem}](../tests/{path})" for path in tests.get(case.number, ()))
    return [case.number, case.fault, case.promise, case.figure, figures, shown]


def _exposed(metric: Metric) -> str:
    """The name as it is scraped: counters and infos get an end."""
    return metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")


def _steps(state: Open, signal: type) -> str:
    return ", ".join(step.value for step in TRANSITIONS[state][signal]) or "—"


def _values(kind: object) -> str:
    choices = get_args(kind)
    if kind is bool:
        return "`true`, `false`"
    if isinstance(kind, GenericAlias) and kind.__origin__ is tuple:
        return f"a list of {_values(choices[0])}"
    if isinstance(kind, GenericAlias):
        return "a table"
    return ", ".join(_code(f'"{choice}"') for choice in choices)


def _code(text: str) -> str:
    return f"`{text}`"


def _words(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


TABLES: dict[str, Callable[[], str]] = {
    "errors": errors_table,
    "quirks": quirks_table,
    "presets": presets_table,
    "transitions": transitions_table,
    "metrics": metrics_table,
    "directions": directions_table,
    "cases": cases_tables,
    "settings.server": lambda: settings_table("server"),
    "settings.admin": lambda: settings_table("admin"),
    "settings.auth": lambda: settings_table("auth"),
    "settings.limits": lambda: settings_table("limits"),
    "settings.logging": lambda: settings_table("logging"),
    "settings.tracing": lambda: settings_table("tracing"),
    "settings.sealing": lambda: settings_table("sealing"),
    "settings.state": lambda: settings_table("state"),
    "settings.translation": lambda: settings_table("translation"),
    "settings.routing": lambda: settings_table("routing"),
    "settings.providers": lambda: settings_table("providers"),
    "settings.models": lambda: settings_table("models"),
}
"""What may stand between markers, by the name in the marker."""


def regenerated(text: str) -> str:
    """The page with all its tables made anew."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block['name']]()}\n{block[3]}", text)


def pages() -> list[Path]:
    """Every page that may hold a generated table."""
    return sorted(DOCS.glob("*.md"))


def main() -> None:
    """Rewrite the pages that are stale."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := regenerated(text)) != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
