"""The short way of a whole answer that is nothing but a text, as most of those are that are not streamed.

It says what the long way says, in a third of the steps; what it does not know for certain it leaves to that.
"""

from gateway.codec.json import JSONObject
from gateway.codec.lenient_json import well_formed
from gateway.settings import Quirks
from gateway.translate.signals import Finish, Outcome, Signal, Text
from gateway.translate.usage import read_usage

_BESIDE_TEXT = (
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "reasoning_text",
    "refusal",
    "tool_calls",
)


def plain_answer(body: JSONObject, quirks: Quirks) -> list[Signal]:
    """The signals of a whole Chat completion that is one text and its end; none for every other one."""
    choices = body.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or body.get("error") or "base_resp" in body:
        return []
    text = _only_text(choices[0])
    if not text or quirks.think_tags != "off":
        return []
    return [Text(well_formed(text)), Finish(Outcome.COMPLETED, read_usage(body))]


def _only_text(choice: JSONObject) -> str:
    """The text of a choice that has nothing else and has come to its own end; empty for every other one."""
    if not isinstance(choice, dict) or choice.get("finish_reason") != "stop" or choice.get("index"):
        return ""
    message = choice.get("message")
    if not isinstance(message, dict) or any(map(message.get, _BESIDE_TEXT)):
        return ""
    text = message.get("content")
    return text if isinstance(text, str) and not choice.get("logprobs") and "delta" not in choice else ""
