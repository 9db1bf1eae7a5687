"""A script in the form of Chat Completions: the chunks of a stream, or one whole completion.

See https://platform.openai.com/docs/api-reference/chat. Pure: it neither waits nor writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.codec import json
from gateway.codec.json import JSONObject
from gateway.demo.logprobs import token_logprob
from gateway.demo.request import ChatRequest
from gateway.demo.script import prompt_tokens
from gateway.demo.steps import Argue, OpenCall, Refuse, Say, Script, Step, Think, token_count

DONE = b"data: [DONE]\n\n"
_FINGERPRINT = "fp_demo"


@dataclass(frozen=True, slots=True)
class Reply:
    """What every chunk of one answer repeats."""

    id: str
    created: int
    request: ChatRequest


def frame(data: JSONObject) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data) + b"\n\n"


def opening_frame(reply: Reply, script: Script) -> bytes:
    """The first chunk, which only names the role; its content is null when no text follows but calls or a refusal."""
    content = None if _message(script.steps)["content"] is None else ""
    return frame(_chunk(reply, {"role": "assistant", "content": content}))


def step_frame(reply: Reply, step: Say | Think | Refuse | OpenCall | Argue) -> bytes:
    """The chunk for one step."""
    top = reply.request.top_logprobs
    logprobs = _logprobs([step], top) if isinstance(step, Say) and top is not None else None
    return frame(_chunk(reply, _delta(step), logprobs=logprobs))


def closing_frames(reply: Reply, script: Script) -> bytes:
    """The finish chunk, the usage chunk when it was asked for, and the end mark."""
    finish = frame(_chunk(reply, {}, finish=script.finish))
    if not reply.request.include_usage:
        return finish + DONE
    usage = {**_head(reply, "chat.completion.chunk"), "choices": [], "usage": usage_of(reply.request, script)}
    return finish + frame(usage) + DONE


def completion(reply: Reply, script: Script) -> JSONObject:
    """The whole answer as one object."""
    top = reply.request.top_logprobs
    choice = {
        "index": 0,
        "message": _message(script.steps),
        "logprobs": None if top is None else _logprobs(script.steps, top),
        "finish_reason": script.finish,
    }
    return {**_head(reply, "chat.completion"), "choices": [choice], "usage": usage_of(reply.request, script)}


def usage_of(request: ChatRequest, script: Script) -> JSONObject:
    """The tokens an answer cost."""
    prompt, answer = prompt_tokens(request), token_count(script.steps)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": sum(isinstance(step, Think) for step in script.steps)},
    }


def _head(reply: Reply, kind: str) -> JSONObject:
    return {
        "id": reply.id,
        "object": kind,
        "created": reply.created,
        "model": reply.request.model,
        "system_fingerprint": _FINGERPRINT,
    }


def _chunk(
    reply: Reply, delta: JSONObject, *, finish: str | None = None, logprobs: JSONObject | None = None
) -> JSONObject:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    chunk = {**_head(reply, "chat.completion.chunk"), "choices": [choice]}
    return {**chunk, "usage": None} if reply.request.include_usage else chunk


def _delta(step: Say | Think | Refuse | OpenCall | Argue) -> JSONObject:
    match step:
        case Say(text):
            return {"content": text}
        case Think(text):
            return {"reasoning_content": text}
        case Refuse(text):
            return {"refusal": text}
        case OpenCall(index, call_id, name):
            function = {"name": name, "arguments": ""}
            return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}
        case Argue(index, text):
            return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def _logprobs(steps: Iterable[Step], top: int) -> JSONObject:
    return {"content": [token_logprob(step.text, top) for step in steps if isinstance(step, Say)], "refusal": None}


def _message(steps: Iterable[Step]) -> JSONObject:
    steps = tuple(steps)
    message: JSONObject = {
        "role": "assistant",
        "content": "".join(step.text for step in steps if isinstance(step, Say)),
        "refusal": "".join(step.text for step in steps if isinstance(step, Refuse)) or None,
    }
    thoughts = "".join(step.text for step in steps if isinstance(step, Think))
    calls = [_whole_call(step, steps) for step in steps if isinstance(step, OpenCall)]
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = calls
    if calls or message["refusal"]:
        message["content"] = message["content"] or None
    return message


def _whole_call(call: OpenCall, steps: Iterable[Step]) -> JSONObject:
    arguments = "".join(step.text for step in steps if isinstance(step, Argue) and step.index == call.index)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
