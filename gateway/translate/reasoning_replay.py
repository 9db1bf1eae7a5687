"""Gives the reasoning of an earlier turn back to its upstream, in the form of its dialect."""

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from gateway.translate.history import Thought
from gateway.translate.losses import Losses

_PLAIN_FIELDS = ("reasoning_content", "reasoning")


def give_back(thoughts: list[Thought], message: JSONObject, *, quirks: Quirks, losses: Losses, provider: str) -> None:
    """Adds to an assistant message what the model thought before it; `provider` is who will read it."""
    has_calls = "tool_calls" in message
    is_wanted = quirks.reasoning_field != "none" and (has_calls or quirks.reasoning_scope == "all")
    returned = _add(thoughts, message, quirks=quirks, provider=provider) if is_wanted and thoughts else []
    if has_calls and quirks.reasoning_required and quirks.reasoning_field in _PLAIN_FIELDS:
        message.setdefault(quirks.reasoning_field, "")
    if has_calls and quirks.tool_extra_content:
        returned += _add_extras(thoughts, message["tool_calls"], provider)
    known = set(map(id, returned))
    for thought in thoughts:
        if id(thought) not in known:
            losses.note(thought.at if is_wanted else "input", "reasoning")


def _add(thoughts: list[Thought], message: JSONObject, *, quirks: Quirks, provider: str) -> list[Thought]:
    """Returns the thoughts that are now in the message."""
    if quirks.reasoning_field == "reasoning_details":
        sealed = [thought for thought in thoughts if _details(thought, provider)]
        if sealed:
            message["reasoning_details"] = [entry for thought in sealed for entry in _details(thought, provider)]
            return sealed
    told = [thought for thought in thoughts if thought.text]
    if told:
        _add_text("\n".join(thought.text for thought in told), message, quirks)
    return told


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


def _details(thought: Thought, provider: str) -> list[JSONObject]:
    """Opaque entries go back unchanged, and only to the upstream that they are from."""
    return thought.opaque.details if thought.opaque is not None and thought.opaque.provider == provider else []


def _add_extras(thoughts: list[Thought], calls: list[JSONObject], provider: str) -> list[Thought]:
    """Returns the thoughts that are nothing but what a call now has; of two for one call the later counts."""
    by_id = {call["id"]: call for call in calls}
    owners: dict[str, Thought] = {}
    for thought in thoughts:
        extras = thought.opaque.extras if thought.opaque is not None and thought.opaque.provider == provider else {}
        for call_id, extra in extras.items():
            if extra is not None and call_id in by_id:
                by_id[call_id]["extra_content"] = extra
                owners[call_id] = thought
    return [thought for thought in owners.values() if not thought.text]
