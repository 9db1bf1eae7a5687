"""A Responses request becomes a Chat Completions request. This module is the whole of it, the others are its steps.

`read_request` checks what can be checked without knowing the upstream; `plan` says what is sent to one upstream,
what the Response echoes, and what could not be carried over.
"""

from msgspec import Struct
from msgspec.structs import replace

from gateway.codec.json import JSONObject, convert
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.spec.requests import FIELDS, CreateRequest
from gateway.translate.compaction import ask_for_text_alone, asks_for_compaction
from gateway.translate.content import Rules
from gateway.translate.echo import response_echo
from gateway.translate.history import read_history
from gateway.translate.hosted_tools import HostedTools, with_features
from gateway.translate.input_items import placed_items, special_items, text_alone
from gateway.translate.left_out import leave_out, takes_tools
from gateway.translate.losses import Losses
from gateway.translate.message_rules import by_rules
from gateway.translate.messages import chat_messages, question
from gateway.translate.options import (
    LOGPROBS,
    SEALED_REASONING,
    answer_options,
    check_format,
    format_instructions,
    reasoning_members,
    sampling_members,
    text_members,
    wants_logprobs,
)
from gateway.translate.sealed import Unseal
from gateway.translate.tool_choice import Choice, read_choice
from gateway.translate.tools import NO_TOOLS, ToolMap, ToolSet, read_tools

__all__ = ["ChatPlan", "CreateRequest", "plan", "read_request"]

_IGNORED = frozenset(
    {
        "access_programs",
        "background_options",
        "client_metadata",
        "context_management",
        "image",
        "moderation",
        "prompt_cache_options",
        "prompt_cache_retention",
    }
)
"""Members that ask for something this gateway does not have; each is a loss once it is given."""

_STATE = frozenset({"background", "conversation", "previous_response_id", "store"})
"""Members that ask for something which only a gateway with a store has."""


class ChatPlan(Struct, frozen=True):
    """All that follows from a request for one upstream.

    Args:
        body: the whole Chat request.
        tools: the way back from the names of tools upstream.
        echo: the members of the Response that repeat the request.
        dropped: what was ignored or imitated, in the order of the request.
        stream: whether the client wants events.
        include_logprobs: whether the client wants log probabilities.
        top_logprobs: how many alternatives it wants with each.
        compacts: whether the answer is to be the summary of the conversation.
    """

    body: JSONObject
    tools: ToolMap
    echo: JSONObject
    dropped: tuple[str, ...]
    stream: bool
    include_logprobs: bool
    top_logprobs: int
    compacts: bool = False


def read_request(body: JSONObject) -> CreateRequest:
    """The typed request.

    Raises:
        GatewayError: with the place in the request as `param`.
    """
    if body.get("model") in (None, ""):
        raise _missing("model")
    known, extra = body, {}
    if not body.keys() <= FIELDS:
        known = {name: value for name, value in body.items() if name in FIELDS}
        extra = {name: value for name, value in body.items() if name not in FIELDS}
    request = replace(convert(known, CreateRequest, ""), extra=extra, members=tuple(body))
    _check(request)
    return request


def plan(
    request: CreateRequest,
    *,
    model: str,
    quirks: Quirks,
    strict: bool,
    provider: str = "",
    unseal: Unseal | None = None,
    hosted_tools: HostedTools | None = None,
) -> ChatPlan:
    """What is sent to an upstream that calls the model `model`.

    Args:
        request: what the client asked.
        model: the upstream's id of the model.
        quirks: the upstream's dialect.
        strict: refuse what cannot be carried over, instead of reporting it.
        provider: the upstream's name; opaque state of another one is not given to it.
        unseal: opens what the client carries for the gateway.
        hosted_tools: the upstream's own features that stand for hosted tools.

    Raises:
        GatewayError: for what cannot be sent at all, and in strict mode for every loss.
    """
    losses = Losses(request.members, strict=strict)
    _note_ignored(request, losses)
    text = text_alone(request)
    items = [] if text else placed_items(request)
    special = special_items(items)
    compacts = bool(special) and asks_for_compaction(items)
    answer = answer_options(request, special)
    tools = read_tools(request.tools or [], special, quirks=quirks, losses=losses, hosted_tools=hosted_tools)
    choice = read_choice(request.tool_choice, tools, quirks=quirks, losses=losses)
    system = [told for told in (request.instructions, format_instructions(answer.text, quirks=quirks)) if told]
    if text:
        messages = question(text, system, quirks)
    else:
        pieces = read_history(items, tools, Rules(quirks, losses, unseal))
        messages = chat_messages(pieces, system, quirks=quirks, losses=losses, provider=provider)
    messages = by_rules(messages, quirks, has_tools=takes_tools(quirks))
    if not messages:
        raise GatewayError(ErrorKind.INVALID_VALUE, "'input' holds nothing that can be sent to a model.", "input")
    body: JSONObject = {"model": model, "messages": messages, **_stream_members(request, quirks)}
    body |= sampling_members(request, quirks=quirks, losses=losses)
    body |= reasoning_members(request, answer.reasoning, quirks, losses)
    body |= text_members(answer.text, quirks=quirks, losses=losses)
    body |= _tool_members(request, tools, choice, quirks=quirks, losses=losses)
    if compacts:
        ask_for_text_alone(body, quirks)
    elif choice.features:
        body = with_features(body, [tools.features[kind] for kind in choice.features])
    body = leave_out(body, quirks.drop, losses)
    return ChatPlan(
        body=body | quirks.extra_body if quirks.extra_body else body,
        tools=ToolMap(tools.names.origins, choice.forbidden) if tools.names.origins else NO_TOOLS,
        echo=response_echo(request, answer),
        dropped=losses.entries(),
        stream=bool(request.stream),
        include_logprobs=wants_logprobs(request),
        top_logprobs=request.top_logprobs or 0,
        compacts=compacts,
    )


def _check(request: CreateRequest) -> None:
    if request.prompt is not None:
        message = "'prompt' is not supported: this gateway keeps no prompt templates."
        raise GatewayError(ErrorKind.UNSUPPORTED_PARAMETER, message, "prompt")
    if request.previous_response_id is not None and request.conversation is not None:
        message = "'previous_response_id' and 'conversation' exclude each other."
        raise GatewayError(ErrorKind.INVALID_VALUE, message, "previous_response_id")
    continues = request.previous_response_id is not None or request.conversation is not None
    if request.input is None and not continues:
        raise _missing("input")
    if request.input == [] and not continues:
        raise GatewayError(ErrorKind.INVALID_VALUE, "'input' must not be empty.", "input")
    if request.text is not None:
        check_format(request.text.format, "text.format")
    _check_moderation(request)


def _check_moderation(request: CreateRequest) -> None:
    """Who wants content blocked must not get it unblocked; who wants it scored only loses the score."""
    policy = request.moderation.policy if request.moderation is not None else None
    if policy is None:
        return
    for name, rule in (("input", policy.input), ("output", policy.output)):
        if rule is not None and rule.mode == "block":
            message = "Blocking moderation is not supported by this gateway."
            raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, f"moderation.policy.{name}.mode")


def _missing(name: str) -> GatewayError:
    return GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{name}'.", name)


def note_members(request: CreateRequest, names: frozenset[str], losses: Losses) -> None:
    """Notes each of these members that is given, and those that only a store or a WebSocket could honour."""
    noted = names if request.has_state else names | _STATE
    if not noted.isdisjoint(request.members):
        for name in request.members:
            if name in noted and getattr(request, name):
                losses.note_field(name)
    if request.generate is False:
        losses.note_field("generate")


def _note_ignored(request: CreateRequest, losses: Losses) -> None:
    note_members(request, _IGNORED, losses)
    if request.truncation == "auto":
        losses.note("truncation")
    if request.service_tier not in (None, "auto", "default"):
        losses.note("service_tier")
    for value in request.include or []:
        if value not in (LOGPROBS, SEALED_REASONING):
            losses.note("include", value)
    note_stream_options(request, losses)


def note_stream_options(request: CreateRequest, losses: Losses) -> None:
    """What the client wants of the stream is the gateway's own matter."""
    options = request.stream_options
    if options is None:
        return
    if not request.stream:
        losses.note_field("stream_options")
    if options.include_obfuscation:
        losses.note("stream_options.include_obfuscation")
    if options.reasoning_summary_delivery is not None:
        losses.note("stream_options.reasoning_summary_delivery")


def _stream_members(request: CreateRequest, quirks: Quirks) -> JSONObject:
    if not request.stream:
        return {"stream": False}
    usage: JSONObject = {"stream_options": {"include_usage": True}} if quirks.stream_usage else {}
    return {"stream": True, **usage}


def _tool_members(
    request: CreateRequest, tools: ToolSet, choice: Choice, *, quirks: Quirks, losses: Losses
) -> JSONObject:
    """Nothing at all without tools: upstreams refuse an empty list, and a choice among nothing."""
    if not choice.offered:
        return {}
    members: JSONObject = {"tools": [tools.functions[name] for name in choice.offered]}
    if choice.mode is not None:
        members["tool_choice"] = choice.mode
    if request.parallel_tool_calls is not None and quirks.parallel_tool_calls == "send":
        members["parallel_tool_calls"] = request.parallel_tool_calls
    elif request.parallel_tool_calls is False:
        losses.note("parallel_tool_calls")
    return members
