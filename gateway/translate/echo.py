"""The members of the Response that repeat the request, each with a value that every client's checks accept."""

from gateway.codec.json import JSONObject
from gateway.spec.requests import ConversationReference, CreateRequest, ReasoningOptions, TextFormat, TextOptions
from gateway.translate.options import NO_REASONING, NO_TEXT, AnswerOptions
from gateway.translate.tools import echoed_tools

_DEFAULTS: JSONObject = {
    "background": False,
    "frequency_penalty": 0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": "",
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""All answers share these values: a copy is filled in, but none of its values is ever changed."""
_OF_STATE = frozenset({"background", "previous_response_id", "store"})
_AS_GIVEN = _DEFAULTS.keys() - _OF_STATE - {"reasoning", "service_tier", "text", "tools"}


def response_echo(request: CreateRequest, answer: AnswerOptions) -> JSONObject:
    """All members but those that describe the response itself; what is not kept is echoed as not kept."""
    echo = dict(_DEFAULTS)
    if answer.reasoning is not NO_REASONING:
        echo["reasoning"] = _reasoning(answer.reasoning)
    if answer.text is not NO_TEXT:
        echo["text"] = _text(answer.text)
    for name in request.members:
        if name in _AS_GIVEN and (value := getattr(request, name)) is not None:
            echo[name] = value
    if request.tools:
        echo["tools"] = echoed_tools(request.tools)
    if request.has_state:
        echo["background"] = bool(request.background)
        echo["previous_response_id"] = request.previous_response_id
        echo["store"] = is_stored(request)
        if (conversation := conversation_id(request)) is not None:
            echo["conversation"] = {"id": conversation}
    return echo


def is_stored(request: CreateRequest) -> bool:
    """Whether the response is to be stored: it is, unless somebody says no."""
    return request.has_state and request.store is not False


def conversation_id(request: CreateRequest) -> str | None:
    """The conversation that the request belongs to, in either of its two forms."""
    conversation = request.conversation
    return conversation.id if isinstance(conversation, ConversationReference) else conversation


def _reasoning(reasoning: ReasoningOptions) -> JSONObject:
    return {"effort": reasoning.effort, "summary": reasoning.summary or reasoning.generate_summary}


def _text(text: TextOptions) -> JSONObject:
    return {"format": _format(text.format), "verbosity": text.verbosity or "medium"}


def _format(text_format: TextFormat | None) -> JSONObject:
    if text_format is None or text_format.type != "json_schema":
        return {"type": text_format.type if text_format is not None else "text"}
    return {
        "type": "json_schema",
        "name": text_format.name,
        "schema": text_format.schema,
        "description": text_format.description,
        "strict": bool(text_format.strict),
    }
