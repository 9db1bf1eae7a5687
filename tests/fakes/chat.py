"""Chat Completions answers for scripts: chunks, whole streams and whole completions, as bytes.

Only the plain form of the protocol; the corpus has the odd ones.
"""

import orjson

from gateway.codec.json import JSONObject

DONE = b"data: [DONE]\n\n"
USAGE: JSONObject = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def frame(value: JSONObject) -> bytes:
    """One event with the value as its data."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def chunk(delta: JSONObject, *, finish: str | None = None) -> bytes:
    """One chunk of choice 0."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return frame({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "choices": [choice]})


def usage_chunk(usage: JSONObject | None = None) -> bytes:
    """The last chunk, which has the usage and no choice."""
    return frame({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage or USAGE})


def ending(finish: str = "stop") -> bytes:
    """Everything that comes after the last delta."""
    return chunk({}, finish=finish) + usage_chunk() + DONE


def text_stream(*pieces: str, finish: str = "stop") -> bytes:
    """A whole stream of text."""
    return b"".join(chunk({"content": piece}) for piece in pieces) + ending(finish)


def call_stream(*calls: tuple[str, str, str]) -> bytes:
    """A whole stream of tool calls, each (id, name, arguments), the arguments in two pieces."""
    return b"".join(call_chunks(index, *call) for index, call in enumerate(calls)) + ending("tool_calls")


def call_chunks(index: int, call_id: str, name: str, arguments: str) -> bytes:
    """The chunks of one tool call."""
    half = len(arguments) // 2
    first = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in (arguments[:half], arguments[half:])]
    return b"".join(chunk({"tool_calls": [fragment]}) for fragment in (first, *rest))


def error_body(message: str, *, code: str | None = None, error_type: str = "invalid_request_error") -> JSONObject:
    """An error in the API's form."""
    return {"error": {"message": message, "type": error_type, "param": None, "code": code}}


def completion(text: str) -> JSONObject:
    """A whole answer, as one that is no stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": USAGE}
