"""Which optional member of a Chat request an upstream's refusal names, if it names one.

Only members without which the request still means the same conversation count; whether it is repeated without the
member is decided elsewhere.
"""

import re
from dataclasses import dataclass

from gateway.codec.json import JSONObject

_REFUSALS = re.compile(
    r"unsupported|unrecogni[sz]ed|unexpected|extra[_ ](?:inputs|fields|forbidden)|not permitted|not allowed"
    r"|unknown (?:name|field|parameter|param|argument|property|key)|(?:not|n't) (?:be )?support(?:ed)?"
    r"|only the default|only \S{1,20} is allowed|not available|input should be ['\"]",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z_][\w.\[\]-]*")
_OPENING = re.compile(
    r"(?:[\"'`]|body\.|: |\binvalid "
    r"|\b(?:argument|parameter|param|field|property|name|key|member)s?(?: supplied)?:? ?)\Z",
    re.IGNORECASE,
)
"""What stands before a plain word that is meant as the name of a member."""

_OPTIONAL = frozenset(
    {
        "chat_template_kwargs",
        "enable_thinking",
        "frequency_penalty",
        "length_penalty",
        "logit_bias",
        "logprobs",
        "min_p",
        "min_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning",
        "reasoning_effort",
        "repeat_penalty",
        "repetition_penalty",
        "seed",
        "stop_token_ids",
        "stream_options",
        "temperature",
        "thinking",
        "thinking_budget",
        "top_a",
        "top_k",
        "top_logprobs",
        "top_p",
        "typical_p",
        "verbosity",
    }
)
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""The two names of one limit: it is never given up, only renamed, and only to the name that the refusal tells."""


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """A member that must not be sent; `instead` is the name that its value has to have, empty to leave it out."""

    name: str
    instead: str = ""


def refused_member(message: str, body: JSONObject) -> RefusedMember | None:
    """The member of the request that an error message refuses, if it is a top-level one and optional."""
    if not _REFUSALS.search(message):
        return None
    sent = {_plain(name): name for name in body if _may_go(name, body, message)}
    for word in _WORDS.finditer(message):
        name = sent.get(_plain(_member_of(word[0])))
        if name is not None and _is_named(message[: word.start()], word[0]):
            return _without(name, body)
    return None


def without_member(body: JSONObject, refused: RefusedMember) -> JSONObject:
    """The body without the member, or with it under its other name."""
    rest = {name: value for name, value in body.items() if name != refused.name}
    return rest | {refused.instead: body[refused.name]} if refused.instead else rest


def _may_go(name: str, body: JSONObject, message: str) -> bool:
    if name in _LIMITS:
        return _LIMITS[name] in body or _LIMITS[name] in message
    return name in _OPTIONAL or (name == "tool_choice" and body[name] == "auto")


def _without(name: str, body: JSONObject) -> RefusedMember:
    other = _LIMITS.get(name, "")
    return RefusedMember(name, "" if other in body else other)


def _plain(name: str) -> str:
    """Some services write the names in camel case."""
    return name.replace("_", "").lower()


def _member_of(word: str) -> str:
    """The member that a path is in, as far as the whole member can be meant: options go together, messages never."""
    word = word.removeprefix("body.").rstrip(".-")
    return "stream_options" if word.startswith("stream_options.") else word


def _is_named(before: str, word: str) -> bool:
    """Whether the word is the name of a member and not English, as `seed` and `thinking` are too."""
    return "_" in word or word != word.lower() or word.startswith("body.") or bool(_OPENING.search(before))
