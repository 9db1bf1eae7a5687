"""What an answer to a probe means: one function for each kind of question, from an observation to a reading."""

import re
from collections.abc import Callable

from gateway.codec.json import JSONValue, loads
from gateway.doctor.findings import Reading
from gateway.doctor.observation import Observation
from gateway.errors import ErrorKind
from gateway.translate.signals import Outcome

Read = Callable[[Observation], Reading]

_EXCERPT = 160
_SHORT_TEXT = 72
"""Characters that a handful of tokens can have."""
_RAW_CALLS = ("<tool_call", "<|tool_call", "[TOOL_CALLS]", "<function=", "<|python_tag|>")
_REASONING_MEMBERS = ("reasoning_content", "reasoning", "reasoning_details", "reasoning_text")
_COLOUR = re.compile(r"\bred\b", re.IGNORECASE)
"""Of the picture; a model that cannot see may well speak of what was shared."""


def accepted(observation: Observation) -> Reading:
    """The request was taken, whatever came of it."""
    return _without_answer(observation) or Reading("yes")


def taken(observation: Observation) -> Reading:
    """The request was taken, and what comes of it cannot be seen."""
    return _without_answer(observation) or Reading("taken")


def streams(observation: Observation) -> Reading:
    """Events were asked for."""
    if without := _without_answer(observation):
        return without
    if not observation.is_stream:
        return Reading("ignored", "one JSON object instead of events")
    return Reading("yes", "ends with [DONE]" if observation.said_done else "ends without [DONE]")


def usage(observation: Observation) -> Reading:
    """`stream_options.include_usage` was sent."""
    if without := _without_answer(observation):
        return without
    counts = observation.usage
    if counts is None:
        return Reading("ignored", "no usage, although asked for")
    return Reading("yes", f"{counts.input_tokens} tokens in, {counts.output_tokens} out")


def reasoning(observation: Observation) -> Reading:
    """Something to think about was asked."""
    if without := _without_answer(observation):
        return without
    for name in _REASONING_MEMBERS:
        if name in observation.members:
            return Reading("yes", f"in {name}", name)
    if "thinking" in observation.members:
        return Reading("yes", "in parts of the content", "thinking_parts")
    start = observation.text.lstrip()
    if start.startswith(("<think>", "<thinking>")):
        return Reading("yes", "inside the text, between tags", "auto")
    if "</think" in start:
        return Reading("yes", "inside the text, without the opening tag", "implicit_open")
    if observation.usage and observation.usage.reasoning_tokens:
        return Reading("no", f"hidden: {observation.usage.reasoning_tokens} tokens of it are counted")
    return Reading("no", "none was seen; the model may not reason")


def limits(most: int) -> Read:
    """So many tokens were allowed, for what needs more."""

    def read(observation: Observation) -> Reading:
        if without := _without_answer(observation):
            return without
        if observation.outcome is Outcome.MAX_OUTPUT_TOKENS:
            return Reading("yes", f"stops after {most} tokens")
        said = observation.text + observation.reasoning
        if not observation.is_left and len(said) <= _SHORT_TEXT:
            return Reading("unclear", "the answer was short without it")
        return Reading("ignored", "runs on")

    return read


def calls(least: int = 1, name: str = "") -> Read:
    """Tools were offered, so that there is a reason for so many calls, of this name if there is one."""

    def read(observation: Observation) -> Reading:
        if without := _without_answer(observation):
            return without
        names = [call.name for call in observation.calls]
        if len(names) >= least and (not name or set(names) == {name}):
            return Reading("yes", ", ".join(names))
        if any(sign in observation.text for sign in _RAW_CALLS):
            return Reading("ignored", "the call came as text: the server does not read the model's calls")
        if observation.is_cut:
            return Reading("unclear", "the limit came before a call")
        return Reading("ignored", f"only {', '.join(names)}" if names else "text instead of a call")

    return read


def parallel(observation: Observation) -> Reading:
    """Two things were asked for at once; a model may do them one after the other."""
    reading = calls(2)(observation)
    return Reading("no", "one call at a time") if reading.verdict == "ignored" and observation.calls else reading


def no_calls(observation: Observation) -> Reading:
    """Tools were offered and forbidden."""
    if without := _without_answer(observation):
        return without
    if observation.calls or any(sign in observation.text for sign in _RAW_CALLS):
        return Reading("ignored", "calls all the same")
    return Reading("yes")


def json_schema(observation: Observation) -> Reading:
    """A schema was given that no model would hit by chance."""
    value = _json(observation)
    if isinstance(value, dict) and value.get("verdict") in ("good", "bad"):
        return Reading("yes", "the answer keeps to the schema")
    return _without_answer(observation) or _unkept(observation, "the answer does not keep to the schema")


def json_object(observation: Observation) -> Reading:
    """JSON was asked for, without a schema."""
    if isinstance(_json(observation), dict):
        return Reading("yes", "the answer is JSON")
    return _without_answer(observation) or _unkept(observation, "the answer is no JSON")


def image(observation: Observation) -> Reading:
    """A red picture was shown."""
    if without := _without_answer(observation):
        return without
    if _COLOUR.search(observation.answer):
        return Reading("yes", "names the colour")
    return Reading("unclear", "taken, but the answer does not name the colour: it may not see", "unseen")


def unknown(what: str) -> Read:
    """Something was sent that no server has."""

    def read(observation: Observation) -> Reading:
        if observation.error is None:
            return Reading("ignored", f"answers all the same: {what}")
        return _without_answer(observation) or Reading("unclear")

    return read


def overflow(observation: Observation) -> Reading:
    """More was sent than fits."""
    error = observation.error
    if error is None:
        return Reading("ignored", "takes more than its list of models says")
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        return Reading("refused", f"recognised as such: {_excerpt(error.message)}")
    return _without_answer(observation) or Reading("unclear")


def _json(observation: Observation) -> JSONValue:
    try:
        return loads(observation.answer)
    except ValueError:
        return None


def _unkept(observation: Observation, detail: str) -> Reading:
    if observation.is_cut:
        return Reading("unclear", "the limit came before the end")
    return Reading("ignored", detail)


def _without_answer(observation: Observation) -> Reading | None:
    """The reading of what is no answer, nothing for one that is."""
    if observation.error is None:
        is_void = observation.is_empty and observation.outcome is Outcome.COMPLETED
        return Reading("unclear", "an empty answer") if is_void else None
    place = f"status {observation.status}: " if observation.status >= 300 else ""
    detail = place + _excerpt(observation.error.message)
    return Reading("unclear" if observation.is_unclear else "refused", detail)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
