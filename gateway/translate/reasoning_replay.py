"""Gives the reasoning of an earlier turn back to its upstream, in the form of its dialect."""

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from gateway.translate.history import Thought
from gateway.translate.losses import Losses


def give_back(thoughts: list[Thought], message: JSONObject, *, quirks: Quirks, losses: Losses, provider: str) -> None:
    """Adds to an assistant message what the model thought before it; `provider` is who will read it."""
    has_calls = "tool_calls" in message
    if quirks.reasoning_field == "none" and thoughts:
        losses.note("input", "reasoning")
    elif thoughts and (has_calls or quirks.reasoning_scope == "all"):
        _add(thoughts, message, quirks=quirks, provider=provider)
    if has_calls and quirks.reasoning_required:
        message.setdefault(quirks.reasoning_field, "")
    if has_calls and quirks.tool_extra_content:
        _add_extras(thoughts, message["tool_calls"], provider)


def _add(thoughts: list[Thought], message: JSONObject, *, quirks: Quirks, provider: str) -> None:
    text = "\n".join(thought.text for thought in thoughts if thought.text)
    details = _details(thoughts, provider) if quirks.reasoning_field == "reasoning_details" else []
    if details:
        message["reasoning_details"] = details
    elif text:
        _add_text(text, message, quirks)


def _add_text(text: str, message: JSONObject, quirks: Quirks) -> None:
    match quirks.reasoning_field:
        case "thinking_parts":
            thinking: JSONObject = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
            said = message.get("content")
            message["content"] = [thinking, {"type": "text", "text": said}] if said else [thinking]
        case "think_tags":
            message["content"] = f"<think>\n{text}\n</think>\n\n{message.get('content') or ''}"
        case "reasoning_details":  # OpenRouter takes plain text in this member
            message["reasoning"] = text
        case field:
            message[field] = text


def _details(thoughts: list[Thought], provider: str) -> list[JSONObject]:
    """Opaque entries go back unchanged, and only to the upstream that they are from."""
    own = [thought.opaque for thought in thoughts if thought.opaque is not None and thought.opaque.provider == provider]
    return [entry for opaque in own for entry in opaque.details]


def _add_extras(thoughts: list[Thought], calls: list[JSONObject], provider: str) -> None:
    for thought in thoughts:
        if thought.opaque is None or thought.opaque.provider != provider:
            continue
        for call in calls:
            if (extra := thought.opaque.extras.get(call["id"])) is not None:
                call["extra_content"] = extra
