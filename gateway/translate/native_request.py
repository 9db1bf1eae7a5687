"""A Responses request for an upstream that speaks Responses itself: it passes, but for what is the gateway's own.

Nothing is stored there (`store` is false), references to what somebody stored are resolved or reported as for every
upstream, and what the server refuses by its settings is left out or said in another way.
"""

from collections.abc import Sequence

from msgspec import to_builtins

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.spec.requests import CreateRequest
from gateway.translate.compaction import asks_for_compaction
from gateway.translate.content import Rules
from gateway.translate.echo import response_echo
from gateway.translate.history import Reading
from gateway.translate.input_items import PlacedItem, placed_items, special_items
from gateway.translate.left_out import leave_out
from gateway.translate.losses import Losses
from gateway.translate.native_input import NativeInput
from gateway.translate.native_tools import NativeTools
from gateway.translate.options import AnswerOptions, answer_options, passed_on, wants_logprobs
from gateway.translate.request import ChatPlan, note_members, note_stream_options
from gateway.translate.sealed import Unseal
from gateway.translate.tools import ToolMap, read_tools

_SENT = (
    "instructions",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "truncation",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "user",
)
"""Members that pass as they are."""

_NOT_SENT = frozenset(
    {"access_programs", "background_options", "client_metadata", "context_management", "image", "moderation"}
)
"""Members that are the gateway's matter, or whose answer it could not pass on; each is a loss once it is given."""


def native_plan(
    request: CreateRequest, *, model: str, provider: ProviderSettings, strict: bool, unseal: Unseal | None = None
) -> ChatPlan:
    """What is sent to an upstream that calls the model `model`.

    Args:
        request: what the client asked.
        model: the upstream's id of the model.
        provider: the upstream: what it refuses, and whose reasoning is its own.
        strict: refuse what cannot be carried over, instead of reporting it.
        unseal: opens what the client carries for the gateway.

    Raises:
        GatewayError: for what cannot be sent at all, and in strict mode for every loss.
    """
    losses = Losses(request.members, strict=strict)
    _note_not_sent(request, losses)
    items = placed_items(request)
    special = special_items(items)
    compacts = bool(special) and asks_for_compaction(items)
    answer = answer_options(request, special)
    every = read_tools(request.tools or [], special, quirks=provider.quirks, losses=Losses((), strict=False))
    tools = NativeTools(provider.drop_types, every, losses)
    source = NativeInput(Reading(every, Rules(provider.quirks, losses, unseal)), tools, provider.name)
    body: JSONObject = {"model": model, "input": request.input, "stream": bool(request.stream), "store": False}
    if request.history or not isinstance(request.input, str):
        body["input"] = source.items(items)
    if not body["input"]:
        raise GatewayError(ErrorKind.INVALID_VALUE, "'input' holds nothing that can be sent to a model.", "input")
    body |= {name: value for name in _SENT if (value := getattr(request, name)) is not None}
    body |= _answer_members(answer) | passed_on(request, losses)
    body |= _tool_members(request, source, items)
    if compacts:
        _ask_for_text_alone(body)
    body = leave_out(body, [pattern for pattern in provider.quirks.drop if pattern != "store"], losses)
    if "store" in provider.quirks.drop:
        del body["store"]
    return ChatPlan(
        body=body | provider.quirks.extra_body,
        tools=ToolMap(every.names.origins),
        echo=response_echo(request, answer),
        dropped=losses.entries(),
        stream=bool(request.stream),
        include_logprobs=wants_logprobs(request),
        top_logprobs=request.top_logprobs or 0,
        compacts=compacts,
    )


def _note_not_sent(request: CreateRequest, losses: Losses) -> None:
    note_members(request, _NOT_SENT, losses)
    note_stream_options(request, losses)


def _answer_members(answer: AnswerOptions) -> JSONObject:
    """`reasoning` and `text`, with what is set in them."""
    given = {"reasoning": _without_none(to_builtins(answer.reasoning)), "text": _without_none(to_builtins(answer.text))}
    return _without_none(given)


def _without_none(value: JSONObject) -> JSONObject:
    """The members that are set; an object in one of them is looked into, and left out if it is empty."""
    found: JSONObject = {}
    for name, member in value.items():
        kept = _without_none(member) if isinstance(member, dict) and name != "schema" else member
        if kept is not None and (kept != {} or name == "schema"):
            found[name] = kept
    return found


def _tool_members(request: CreateRequest, source: NativeInput, items: Sequence[PlacedItem]) -> JSONObject:
    """Nothing at all without tools: upstreams refuse an empty list, and a choice among nothing."""
    offered = source.tools.offered(request.tools or [], "tools") + source.loaded(items)
    loaded = [item for _, item in items if item.get("type") == "additional_tools"]
    choice = source.tools.choice(request.tool_choice, offered or loaded)
    members: JSONObject = {"tools": offered} if offered else {}
    if choice is not None:
        members["tool_choice"] = choice
    if request.parallel_tool_calls is not None and (offered or loaded):
        members["parallel_tool_calls"] = request.parallel_tool_calls
    return members


def _ask_for_text_alone(body: JSONObject) -> None:
    """Changes a request so that a summary answers it."""
    if "text" in body:
        body["text"].pop("format", None)
    if "tools" in body:
        body["tool_choice"] = "none"
