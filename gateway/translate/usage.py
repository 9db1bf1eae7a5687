"""Token usage: from the many forms in which upstreams report it, to the one of the Responses API."""

from gateway.codec.json import JSONObject, JSONValue
from gateway.translate.signals import Usage

BYTES_PER_TOKEN = 4
"""A rough mean over languages and vocabularies, for upstreams that report nothing."""


_SUMS = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
"""The members that are no part of another one."""


def read_usage(chunk: JSONObject) -> Usage | None:
    """The usage in a chunk, wherever its upstream puts it; None if it has none.

    Known places: `usage`, `x_groq.usage` and `choices[0].usage`; known names are those of both APIs.
    """
    return _from_counts(chunk.get("usage")) or _from_counts(_member(chunk.get("x_groq"), "usage")) or _in_choice(chunk)


def _in_choice(chunk: JSONObject) -> Usage | None:
    choices = chunk.get("choices")
    return _from_counts(_member(choices[0], "usage")) if isinstance(choices, list) and choices else None


def _from_counts(counts: JSONValue) -> Usage | None:
    if not isinstance(counts, dict) or not counts:
        return None
    prompt = _count(counts, "prompt_tokens", "input_tokens")
    completion = _count(counts, "completion_tokens", "output_tokens")
    if not prompt and not completion:
        return None
    total = _count(counts, "total_tokens") or prompt + completion
    if counts.keys() <= _SUMS:
        return Usage(prompt, max(completion, total - prompt), total)
    cached = _detail(counts, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens") or _count(
        counts, "prompt_cache_hit_tokens", "cached_tokens"
    )
    reasoning = _detail(counts, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens") or _count(
        counts, "reasoning_tokens"
    )
    # xAI and Gemini leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, total - prompt)
    return Usage(prompt, output, total, cached, reasoning)


def _member(value: JSONValue, name: str) -> JSONValue:
    return value.get(name) if isinstance(value, dict) else None


def _count(counts: JSONObject, *names: str) -> int:
    """The first of these members that is a number above 0; 0 without one."""
    for name in names:
        value = counts.get(name)
        if type(value) is int and value > 0:
            return value
    return 0


def _detail(counts: JSONObject, places: tuple[str, ...], name: str) -> int:
    """The member of the first of these objects in which it is such a number."""
    for place in places:
        if isinstance(details := counts.get(place), dict) and (count := _count(details, name)):
            return count
    return 0


def estimate(input_bytes: int, output_bytes: int) -> Usage:
    """A guess from sizes in bytes, marked as one: agents need some figure to know when to compact."""
    input_tokens, output_tokens = -(-input_bytes // BYTES_PER_TOKEN), -(-output_bytes // BYTES_PER_TOKEN)
    return Usage(input_tokens, output_tokens, input_tokens + output_tokens, estimated=True)


def usage_object(usage: Usage) -> JSONObject:
    """`usage` of a Response: both detail objects always exist, some clients fail without them."""
    members: JSONObject = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
    return {**members, "estimated": True} if usage.estimated else members
