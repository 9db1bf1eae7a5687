"""Token usage: from the many forms in which upstreams report it, to the one of the Responses API."""

from gateway.codec.json import JSONObject, JSONValue
from gateway.translate.signals import Usage

BYTES_PER_TOKEN = 4
"""A rough mean over languages and vocabularies, for upstreams that report nothing."""


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
    prompt = _count(counts.get("prompt_tokens")) or _count(counts.get("input_tokens"))
    completion = _count(counts.get("completion_tokens")) or _count(counts.get("output_tokens"))
    if not prompt and not completion:
        return None
    total = _count(counts.get("total_tokens")) or prompt + completion
    cached = (
        _count(_member(counts.get("prompt_tokens_details"), "cached_tokens"))
        or _count(_member(counts.get("input_tokens_details"), "cached_tokens"))
        or _count(counts.get("prompt_cache_hit_tokens"))
        or _count(counts.get("cached_tokens"))
    )
    reasoning = (
        _count(_member(counts.get("completion_tokens_details"), "reasoning_tokens"))
        or _count(_member(counts.get("output_tokens_details"), "reasoning_tokens"))
        or _count(counts.get("reasoning_tokens"))
    )
    # xAI and Gemini leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, total - prompt)
    return Usage(prompt, output, total, cached, reasoning)


def _member(value: JSONValue, name: str) -> JSONValue:
    return value.get(name) if isinstance(value, dict) else None


def _count(value: JSONValue) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


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
