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
    prompt = _count(counts, "prompt_tokens") or _count(counts, "input_tokens")
    completion = _count(counts, "completion_tokens") or _count(counts, "output_tokens")
    if not prompt and not completion:
        return None
    total = _count(counts, "total_tokens") or prompt + completion
    # xAI and Gemini leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, total - prompt)
    if counts.keys() <= _SUMS:
        return Usage(prompt, output, total)
    return Usage(prompt, output, total, _cached(counts), _reasoning(counts))


def _cached(counts: JSONObject) -> int:
    return (
        _detail(counts, "prompt_tokens_details", "cached_tokens")
        or _detail(counts, "input_tokens_details", "cached_tokens")
        or _count(counts, "prompt_cache_hit_tokens")
        or _count(counts, "cached_tokens")
    )


def _reasoning(counts: JSONObject) -> int:
    return (
        _detail(counts, "completion_tokens_details", "reasoning_tokens")
        or _detail(counts, "output_tokens_details", "reasoning_tokens")
        or _count(counts, "reasoning_tokens")
    )


def _member(value: JSONValue, name: str) -> JSONValue:
    return value.get(name) if isinstance(value, dict) else None


def _count(counts: JSONObject, name: str) -> int:
    """The member, if it is a number above 0; 0 if not."""
    value = counts.get(name)
    return value if type(value) is int and value > 0 else 0


def _detail(counts: JSONObject, place: str, name: str) -> int:
    """The same for a member of an object in them."""
    details = counts.get(place)
    return _count(details, name) if isinstance(details, dict) else 0


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
