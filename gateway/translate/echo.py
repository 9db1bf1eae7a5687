"""The members of the Response that repeat the request, each with a value that every client's checks accept."""

from gateway.codec.json import JSONObject
from gateway.spec.requests import ConversationReference, CreateRequest, ReasoningOptions, TextFormat, TextOptions
from gateway.translate.options import AnswerOptions
from gateway.translate.tools import echoed_tools


def response_echo(request: CreateRequest, answer: AnswerOptions) -> JSONObject:
    """All members but those that describe the response itself; what is not kept is echoed as not kept."""
    conversation = conversation_id(request) if request.has_state else None
    return {
        "background": request.has_state and bool(request.background),
        **({"conversation": {"id": conversation}} if conversation is not None else {}),
        "frequency_penalty": request.frequency_penalty or 0,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "model": request.model,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "presence_penalty": request.presence_penalty or 0,
        "previous_response_id": request.previous_response_id if request.has_state else None,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": _reasoning(answer.reasoning),
        "safety_identifier": request.safety_identifier,
        "service_tier": "default",
        "store": is_stored(request),
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": _text(answer.text),
        "tool_choice": request.tool_choice or "auto",
        "tools": echoed_tools(request.tools),
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "user": request.user,
    }


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
