"""The `[[providers]]` block of the configuration file for an upstream that was examined, as TOML text.

Secrets never get into it: what is not a reference to the environment is left out of the members that may hold one.
"""

from collections.abc import Iterable, Mapping, Sequence

import tomli_w

from gateway.doctor.advice import Advice

Table = Mapping[str, object]

_MAY_HOLD_SECRETS = frozenset({"api_key", "headers", "proxy"})
_WIDTH = 118


def provider_block(table: Table, found: Sequence[Advice], remarks: Iterable[str]) -> str:
    """The block.

    Args:
        table: the provider as it was configured, with its references as they are written.
        found: the quirks that are needed; they go before those of the table.
        remarks: sentences for comments.
    """
    lines = ["[[providers]]\n", *(f"# {_words(remark)}\n" for remark in remarks)]
    for key, value in table.items():
        if key != "quirks":
            lines.append(_member(key, value))
    quirks = _quirks(table.get("quirks"), found)
    return "".join([*lines, "\n[providers.quirks]\n", *quirks] if quirks else lines)


def _quirks(configured: object, found: Sequence[Advice]) -> list[str]:
    lines = [f"# {_words(one.reason)}\n{_assignment(one.quirk, one.value)}" for one in found]
    names = {one.quirk for one in found}
    kept = {key: value for key, value in configured.items() if key not in names} if isinstance(configured, dict) else {}
    return lines + [f"# As it was configured.\n{_assignment(key, value)}" for key, value in kept.items()]


def _member(key: str, value: object) -> str:
    if key in _MAY_HOLD_SECRETS and value and not _is_reference(value):
        return f"# {key}: as in the file that was read; it may be secret, so it is not repeated here.\n"
    return _assignment(key, value)


def _is_reference(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_reference(member) for member in value.values())
    return isinstance(value, str) and (value == "env" or (value.startswith("${") and value.endswith("}")))


def _assignment(key: str, value: object) -> str:
    """One line, also for a table: what follows it belongs to the same section."""
    return f"{_key(key)} = {_inline(value)}\n"


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(member)}" for key, member in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").rstrip("\n")


def _key(key: str) -> str:
    """As TOML writes it, with quotes where they are needed."""
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _words(text: str) -> str:
    """A comment ends with its line, and holds no control character."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
