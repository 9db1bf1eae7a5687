"""From findings to the configuration: which quirks an upstream needs, each with its reason.

Only what was really found becomes a quirk: an unclear finding weakens nothing.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gateway.doctor.findings import Findings

_LACKING = frozenset({"ignored", "refused"})


class Advice(NamedTuple):
    """One quirk that differs from its default, and why."""

    quirk: str
    value: object
    reason: str


def advice(findings: Findings) -> list[Advice]:
    """The quirks in the order of the settings."""
    return [one for rule in _RULES for one in rule(findings)]


def remarks(findings: Findings) -> Iterator[str]:
    """What the block should say beside its settings."""
    if findings.verdict("native") == "yes":
        yield 'It also speaks the Responses API itself, at /responses: wire = "responses" would use that.'
    if findings.verdict("tools") in _LACKING:
        yield f"Tools do not work: {findings.detail('tools')}."
    if findings.value("images") == "unseen":
        yield 'Images are taken, but may not be seen; if so: images = "none" in [providers.quirks].'


def _think_tags(findings: Findings) -> Iterator[Advice]:
    if (mode := findings.value("reasoning")) in ("auto", "implicit_open"):
        yield Advice("think_tags", mode, f"reasoning comes {findings.detail('reasoning')}")


def _limit(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("max_tokens") in _LACKING and findings.verdict("max_completion_tokens") == "yes":
        yield Advice("max_tokens_field", "max_completion_tokens", f"max_tokens: {_found(findings, 'max_tokens')}")


def _stream_usage(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("stream") == "refused" and findings.verdict("plain_stream") == "yes":
        yield Advice("stream_usage", False, f"stream_options: {_found(findings, 'stream')}")


def _system(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("system") == "refused":
        role = "developer" if findings.verdict("developer") == "yes" else "user"
        yield Advice("system_role", role, f"system messages: {_found(findings, 'system')}")


def _null_content(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("null_content") != "refused":
        return
    for name, value in (("empty_content", "empty"), ("absent_content", "omit")):
        if findings.verdict(name) == "yes":
            yield Advice("assistant_null_content", value, f"null: {_found(findings, 'null_content')}")


def _call_ids(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("long_ids") == "refused":
        yield Advice("tool_call_id", "alnum9", f"usual ids: {_found(findings, 'long_ids')}")


def _images(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("images") == "refused":
        yield Advice("images", "none", _found(findings, "images"))


def _reasoning_field(findings: Findings) -> Iterator[Advice]:
    field = findings.value("reasoning")
    if field == "reasoning" and findings.verdict("reasoning_back") != "refused":
        yield Advice("reasoning_field", field, "the name that it gives to reasoning itself")
    elif field in ("reasoning_details", "thinking_parts"):
        yield Advice("reasoning_field", field, "the form in which it gives reasoning itself")
    elif findings.verdict("reasoning_content_back") == "refused":
        reason = f"reasoning in the history: {_found(findings, 'reasoning_content_back')}"
        yield Advice("reasoning_field", "none", reason)


def _reasoning_param(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("reasoning_effort") == "refused":
        yield Advice("reasoning_param", "none", f"reasoning_effort: {_found(findings, 'reasoning_effort')}")


def _parallel(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("parallel") == "refused":
        yield Advice("parallel_tool_calls", "drop", _found(findings, "parallel"))


def _strict(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("strict_tools") == "refused":
        yield Advice("strict_tools", "drop", _found(findings, "strict_tools"))


def _response_format(findings: Findings) -> Iterator[Advice]:
    kinds = ("json_schema", "json_object")
    yield from _remaining("response_format", {kind: kind for kind in kinds}, findings)


def _tool_choice(findings: Findings) -> Iterator[Advice]:
    choices = {"none": "choice_none", "required": "choice_required", "named": "choice_named"}
    yield from _remaining("tool_choice", {"auto": "", **choices}, findings)


def _remaining(quirk: str, names: dict[str, str], findings: Findings) -> Iterator[Advice]:
    """The words of a list that are not known to be without effect."""
    lacking = {word: name for word, name in names.items() if findings.verdict(name) in _LACKING}
    if lacking:
        reason = "; ".join(f"{word}: {_found(findings, name)}" for word, name in lacking.items())
        yield Advice(quirk, [word for word in names if word not in lacking], reason)


def _token_count(findings: Findings) -> Iterator[Advice]:
    if value := findings.value("tokenizer"):
        yield Advice("token_count", value, findings.detail("tokenizer"))


def _drop(findings: Findings) -> Iterator[Advice]:
    if findings.verdict("temperature") == "refused":
        yield Advice("drop", ["temperature"], f"temperature: {_found(findings, 'temperature')}")


def _found(findings: Findings, name: str) -> str:
    detail = findings.detail(name)
    return f"{findings.verdict(name)} ({detail})" if detail else findings.verdict(name)


_RULES: tuple[Callable[[Findings], Iterator[Advice]], ...] = (
    _think_tags,
    _limit,
    _stream_usage,
    _system,
    _null_content,
    _call_ids,
    _images,
    _reasoning_field,
    _reasoning_param,
    _parallel,
    _strict,
    _response_format,
    _tool_choice,
    _token_count,
    _drop,
)
