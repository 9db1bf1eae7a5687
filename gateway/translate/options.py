"""How the model shall answer: limits, sampling, reasoning, format. Members of the Chat request and of the echo."""

from collections.abc import Sequence

from msgspec import Struct

from gateway.codec.json import JSONObject, convert, dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks, ReasoningParam
from gateway.spec.items import ConfigurationUpdate
from gateway.spec.requests import CreateRequest, ReasoningOptions, TextFormat, TextOptions
from gateway.translate.input_items import PlacedItem
from gateway.translate.losses import Losses

LOGPROBS = "message.output_text.logprobs"
"""The `include` value that asks for log probabilities."""

SEALED_REASONING = "reasoning.encrypted_content"
"""The `include` value that asks for sealed reasoning, which every answer has."""

_LEVELS = ("effort", "openrouter", "thinking_effort")
_SWITCH = ("none", "medium")
"""The efforts that a switch says exactly: off, and as usual."""

_SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_PASSED_ON = frozenset(
    {
        "chat_template_kwargs",
        "enable_thinking",
        "length_penalty",
        "logit_bias",
        "min_p",
        "min_tokens",
        "repeat_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "stop_token_ids",
        "thinking_budget",
        "top_a",
        "top_k",
        "typical_p",
    }
)
"""Members the API does not know that reach the upstream as they are: they only shape the sampling."""


NO_REASONING, NO_TEXT = ReasoningOptions(), TextOptions()
"""What is in force where nobody has asked for anything."""


class AnswerOptions(Struct, frozen=True):
    """Reasoning and text options in force at the end of the input."""

    reasoning: ReasoningOptions
    text: TextOptions


def answer_options(request: CreateRequest, items: Sequence[PlacedItem]) -> AnswerOptions:
    """Those of the request, as far as no `configuration_update` item has replaced them."""
    reasoning = request.reasoning or NO_REASONING
    text = request.text or NO_TEXT
    check_format(text.format, "text.format")
    for at, item in items:
        if item.get("type") == "configuration_update":
            update = convert(item, ConfigurationUpdate, at)
            if update.reasoning is not None and update.reasoning.effort is not None:
                reasoning = _with_effort(reasoning, update.reasoning.effort)
            if update.text is not None and update.text.format is not None:
                check_format(update.text.format, f"{at}.text.format")
                text = TextOptions(update.text.format, text.verbosity)
    return AnswerOptions(reasoning, text)


def _with_effort(reasoning: ReasoningOptions, effort: str) -> ReasoningOptions:
    return ReasoningOptions(effort, reasoning.summary, reasoning.generate_summary, reasoning.context, reasoning.mode)


def check_format(text_format: TextFormat | None, at: str) -> None:
    """A schema needs its name and itself."""
    if text_format is None or text_format.type != "json_schema":
        return
    for name in ("name", "schema"):
        if getattr(text_format, name) is None:
            param = f"{at}.{name}"
            raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{param}'.", param)


def sampling_members(request: CreateRequest, *, quirks: Quirks, losses: Losses) -> JSONObject:
    """Limits and sampling, and what passes through without the API knowing it."""
    members: JSONObject = {}
    for name in request.members:
        if name in _SAMPLING and (value := getattr(request, name)) is not None:
            members[name] = value
    if request.max_output_tokens is not None:
        fields = ("max_tokens", "max_completion_tokens")
        wanted = fields if quirks.max_tokens_field == "both" else (quirks.max_tokens_field,)
        members |= dict.fromkeys(wanted, request.max_output_tokens)
    if wants_logprobs(request):
        members["logprobs"] = True
        if request.top_logprobs:
            members["top_logprobs"] = request.top_logprobs
    return members | passed_on(request, losses) if request.extra else members


def wants_logprobs(request: CreateRequest) -> bool:
    """Whether the client asked for log probabilities, in one of the two ways."""
    return bool(request.top_logprobs) or LOGPROBS in (request.include or [])


def passed_on(request: CreateRequest, losses: Losses) -> JSONObject:
    """The members that the API does not know and samplers do; every other unknown one is a loss."""
    members: JSONObject = {}
    for name, value in request.extra.items():
        if value is None:
            continue
        if name in _PASSED_ON:
            members[name] = value
        else:
            losses.note_unknown(name)
    return members


def reasoning_members(
    request: CreateRequest, reasoning: ReasoningOptions, quirks: Quirks, losses: Losses
) -> JSONObject:
    """The wanted effort, in a level and a form that the upstream knows."""
    if reasoning is NO_REASONING:
        return {}
    for name in ("context", "mode"):
        if getattr(reasoning, name) is not None:
            losses.note(f"reasoning.{name}")
    if reasoning.effort is None:
        return {}
    effort = quirks.efforts.get(reasoning.effort, reasoning.effort)
    is_level = quirks.reasoning_param in _LEVELS
    if effort != reasoning.effort or quirks.reasoning_param == "none" or not (is_level or effort in _SWITCH):
        losses.note("reasoning.effort")
    return _effort_members(effort, request.extra, quirks.reasoning_param) if effort else {}


def _effort_members(effort: str, given: JSONObject, param: ReasoningParam) -> JSONObject:
    """What the client itself has set of the upstream's own members counts more."""
    is_on = effort != "none"
    match param:
        case "effort":
            return {"reasoning_effort": effort}
        case "openrouter":
            return {"reasoning": {"effort": effort}}
        case "thinking_effort" if is_on:
            return {"reasoning_effort": effort}
        case "thinking_type" | "thinking_effort":
            return {"thinking": {"type": "enabled" if is_on else "disabled"}}
        case "enable_thinking":
            return {} if given.get("enable_thinking") is not None else {"enable_thinking": is_on}
        case "chat_template_kwargs":
            own = given.get(param) or {}
            return {param: {"enable_thinking": is_on} | own} if isinstance(own, dict) else {}
        case "none":
            return {}


def text_members(text: TextOptions, *, quirks: Quirks, losses: Losses) -> JSONObject:
    """`response_format` and `verbosity`."""
    members: JSONObject = {}
    if text.verbosity is not None and quirks.verbosity:
        members["verbosity"] = text.verbosity
    elif text.verbosity not in (None, "medium"):
        losses.note("text.verbosity")
    kind = text.format.type if text.format is not None else "text"
    if text.format is None or kind == "text":
        return members
    if kind not in quirks.response_format:
        losses.note("text.format", kind)
        degraded = {"response_format": {"type": "json_object"}}
        return members | (degraded if "json_object" in quirks.response_format else {})
    return members | {"response_format": _response_format(text.format)}


def format_instructions(text: TextOptions, *, quirks: Quirks) -> str | None:
    """What the model is told where the upstream cannot enforce the format."""
    if text.format is None or text.format.type == "text" or text.format.type in quirks.response_format:
        return None
    if text.format.type == "json_object":
        return "Answer with one JSON object and nothing else."
    schema = dumps(text.format.schema).decode()
    return f"Answer with one JSON value and nothing else. It must be valid under this JSON Schema:\n{schema}"


def _response_format(text_format: TextFormat) -> JSONObject:
    if text_format.type == "json_object":
        return {"type": "json_object"}
    schema: JSONObject = {"name": text_format.name, "schema": text_format.schema}
    if text_format.description is not None:
        schema["description"] = text_format.description
    if text_format.strict is not None:
        schema["strict"] = text_format.strict
    return {"type": "json_schema", "json_schema": schema}
