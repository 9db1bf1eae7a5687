"""Right streams of Responses events, written by hand: what the validator's own tests start from.

Each call gives fresh objects, so that a test may break them as it likes.
"""

import copy

import orjson

from gateway.codec.json import JSONObject

ECHO: JSONObject = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "model": "demo/demo",
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [{"type": "function", "name": "f", "description": None, "parameters": {}, "strict": None}],
    "top_logprobs": 0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}
USAGE: JSONObject = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 7,
}
FAILURE = {"code": "server_error", "message": "upstream closed", "type": "server_error", "param": None}


def response(status: str, output: list[JSONObject], **members: object) -> JSONObject:
    """A Response object with every member, at the given stage."""
    ended = {"completed_at": None, "error": None, "incomplete_details": None, "usage": None}
    return {"id": "resp_1", "object": "response", "created_at": 5, "status": status, "output": output} | (
        ended | ECHO | members
    )


def text_part(text: str, tokens: list[str]) -> JSONObject:
    logprobs = [{"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": []} for token in tokens]
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def reasoning_events() -> tuple[list[JSONObject], JSONObject]:
    at = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    part = {"type": "summary_text", "text": "hm"}
    item: JSONObject = {"id": "rs_1", "type": "reasoning", "status": "completed", "summary": [part]}
    events: list[JSONObject] = [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": item | {"status": "in_progress", "summary": []},
        },
        {"type": "response.reasoning_summary_part.added", **at, "part": part | {"text": ""}},
        {"type": "response.reasoning_summary_text.delta", **at, "delta": "hm"},
        {"type": "response.reasoning_summary_text.done", **at, "text": "hm"},
        {"type": "response.reasoning_summary_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    return events, item


def message_events() -> tuple[list[JSONObject], JSONObject]:
    at = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    part = text_part("Hello", ["Hel", "lo"])
    item: JSONObject = {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }
    delta = {"type": "response.output_text.delta", **at}
    events: list[JSONObject] = [
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": item | {"status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "part": text_part("", [])},
        {**delta, "delta": "Hel", "logprobs": [part["logprobs"][0]]},
        {**delta, "delta": "lo", "logprobs": [part["logprobs"][1]]},
        {"type": "response.output_text.done", **at, "text": "Hello", "logprobs": part["logprobs"]},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
    ]
    return events, item


def call_events() -> tuple[list[JSONObject], JSONObject]:
    at = {"item_id": "fc_1", "output_index": 2}
    item: JSONObject = {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "f",
        "arguments": '{"a":1}',
    }
    added = item | {"status": "in_progress", "arguments": ""}
    events: list[JSONObject] = [
        {"type": "response.output_item.added", "output_index": 2, "item": added},
        {"type": "response.function_call_arguments.delta", **at, "delta": '{"a"'},
        {"type": "response.function_call_arguments.delta", **at, "delta": ":1}"},
        {"type": "response.function_call_arguments.done", **at, "arguments": '{"a":1}', "name": "f"},
        {"type": "response.output_item.done", "output_index": 2, "item": item},
    ]
    return events, item


def good_events() -> list[JSONObject]:
    """A right stream: reasoning, a message of two deltas, a call."""
    parts = [reasoning_events(), message_events(), call_events()]
    output = [item for _, item in parts]
    events: list[JSONObject] = [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.in_progress", "response": response("in_progress", [])},
        *(event for events, _ in parts for event in events),
        {"type": "keepalive"},
        {"type": "response.completed", "response": response("completed", output, completed_at=6, usage=USAGE)},
    ]
    return numbered(events)


def numbered(events: list[JSONObject]) -> list[JSONObject]:
    return [copy.deepcopy(event) | {"sequence_number": number} for number, event in enumerate(events)]


def failed_events() -> list[JSONObject]:
    """A right stream whose upstream broke inside the call."""
    events = good_events()
    done = find(events, "response.function_call_arguments.done")
    events.remove(done)
    item = find(events, "response.output_item.done", 2)["item"]
    item["status"] = "incomplete"
    output = events[-1]["response"]["output"]
    output[2]["status"] = "incomplete"
    events[-1] = {"type": "response.failed", "response": response("failed", output, error=FAILURE)}
    return numbered(events)


def encode(events: list[JSONObject]) -> bytes:
    frames = [b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events]
    return b"".join(frames) + b"data: [DONE]\n\n"


def find(events: list[JSONObject], name: str, nth: int = 0) -> JSONObject:
    """The nth event of that type."""
    return [event for event in events if event["type"] == name][nth]
