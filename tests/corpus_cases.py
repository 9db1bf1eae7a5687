"""The corpus of upstream answers: loads the cases and says what a Response object must hold for each.

`open/` has written cases with their meaning beside them; `recorded/` has what real servers sent, whose meaning is
worked out here by a naive reader that shares no code with the gateway. Nothing here runs the gateway.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.codec.json import JSONObject, JSONValue
from tests.event_rules import CALLS, output_calls, output_reasoning, output_text

FOLDER = Path(__file__).parent / "corpus"

_INCOMPLETE = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "content_filter": "content_filter",
}
_FAILED = {"error", "abort", "network_error", "insufficient_system_resource"}
_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")


@dataclass(frozen=True, slots=True)
class Case:
    """One answer of an upstream and what it means."""

    name: str
    body: bytes
    expected: JSONObject
    request: JSONObject
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    quirks: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def is_http_error(self) -> bool:
        """Whether the upstream refused before it streamed anything."""
        return self.status >= 400

    @property
    def statuses(self) -> list[str]:
        """The response statuses that are accepted."""
        return list(self.expected.get("status_any_of") or [self.expected["status"]])


def open_cases() -> list[Case]:
    """The written cases."""
    return [_open_case(path) for path in sorted((FOLDER / "open").glob("o*.json"))]


def recorded_cases() -> list[Case]:
    """What real servers sent, with an expectation worked out by the naive reader."""
    return [_recorded_case(path) for path in sorted((FOLDER / "recorded").glob("*.json"))]


def all_cases() -> list[Case]:
    """Every case of the corpus."""
    return [*open_cases(), *recorded_cases()]


def streams() -> list[Case]:
    """The cases in which the upstream's answer is a 200, so that it has to be translated."""
    return [case for case in all_cases() if not case.is_http_error]


def _open_case(path: Path) -> Case:
    case = json.loads(path.read_text(encoding="utf-8"))
    http = case["http"]
    return Case(
        name=case["name"],
        body=(path.parent / case["file"]).read_bytes(),
        expected=case["expected"],
        request=case["request"],
        status=http["status"],
        content_type=http["content_type"],
        headers=http.get("headers", {}),
        quirks=case["quirks"],
    )


def _recorded_case(path: Path) -> Case:
    record = json.loads(path.read_text(encoding="utf-8"))
    body = path.with_suffix(".sse").read_bytes()
    headers = {name.lower(): value for name, value in record.get("headers", {}).items()}
    status = record.get("status", 200)
    return Case(
        name=path.stem,
        body=body,
        expected=_failed() if status >= 400 else naive_expectation(body),
        request=_responses_request(record["request"]),
        status=status,
        content_type=headers.get("content-type", "text/event-stream"),
    )


def _responses_request(chat: JSONValue) -> JSONObject:
    """A Responses request with the tools of the recorded Chat request."""
    request: JSONObject = {"model": "test-model", "input": "Run the scenario.", "stream": True}
    tools = chat.get("tools") if isinstance(chat, dict) else None
    if tools:
        request["tools"] = [{"type": "function"} | tool["function"] for tool in tools]
    return request


def _failed(output: list[JSONObject] | None = None, message: str = "") -> JSONObject:
    error = {"message_contains": message}
    return {"status": "failed", "incomplete_reason": None, "error": error, "output": output or [], "usage": None}


def naive_expectation(body: bytes) -> JSONObject:
    """What a body means, read without any regard for cost, splits or dialects that the recordings do not have."""
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return _naive_outcome([json.loads(text)], ended=True)
    frames = [frame for frame in text.replace("\r\n", "\n").split("\n\n") if frame.startswith("data:")]
    datas = [frame.removeprefix("data:").strip() for frame in frames]
    ended = "[DONE]" in datas
    return _naive_outcome([json.loads(data) for data in datas if data != "[DONE]"], ended=ended)


def _naive_outcome(chunks: list[JSONObject], *, ended: bool) -> JSONObject:
    output = list(_naive_items(chunks))
    for chunk in chunks:
        if chunk.get("error"):
            return _failed(_unfinished(output))
    choices = [choice for chunk in chunks for choice in chunk.get("choices") or [] if not choice.get("index")]
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    if not choices or not (reasons or ended) or (reasons and reasons[-1] in _FAILED):
        return _failed(_unfinished(output))
    reason = _INCOMPLETE.get(reasons[-1]) if reasons else None
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return {
        "status": "incomplete" if reason else "completed",
        "incomplete_reason": reason,
        "error": None,
        "output": _unfinished(output) if reason else [_with_arguments(item) for item in output],
        "usage": _naive_usage(usages[-1]) if usages else None,
    }


def _naive_items(chunks: list[JSONObject]) -> Iterator[JSONObject]:
    items: list[JSONObject] = []
    calls: dict[int, JSONObject] = {}
    for chunk in chunks:
        for choice in chunk.get("choices") or []:
            if choice.get("index"):
                continue
            delta = choice.get("delta") or choice.get("message") or {}
            reasoning = next((delta[key] for key in _REASONING_FIELDS if delta.get(key)), "")
            _grow(items, "reasoning", reasoning)
            _grow(items, "message", delta.get("content") or "")
            for position, fragment in enumerate(delta.get("tool_calls") or []):
                _grow_call(items, calls, fragment, position)
    for item in items:
        blank = item["type"] == "message" and not item["text"].strip()
        yield item | {"optional": True} if blank else item


def _grow(items: list[JSONObject], kind: str, text: str) -> None:
    if not text:
        return
    if not items or items[-1]["type"] != kind:
        items.append({"type": kind, "text": ""})
    items[-1]["text"] += text


def _grow_call(items: list[JSONObject], calls: dict[int, JSONObject], fragment: JSONObject, position: int) -> None:
    index = fragment.get("index", position)
    function = fragment.get("function") or {}
    if index not in calls:
        calls[index] = {"type": "function_call", "name": function.get("name"), "arguments": ""}
        calls[index]["call_id"] = fragment.get("id") or None
        items.append(calls[index])
    calls[index]["arguments"] += function.get("arguments") or ""


def _with_arguments(item: JSONObject) -> JSONObject:
    blank = item["type"] == "function_call" and not item["arguments"].strip()
    return item | {"arguments": "{}"} if blank else item


def _unfinished(output: list[JSONObject]) -> list[JSONObject]:
    """The items of an answer that broke off: its last one is incomplete, and a call may be left out."""
    if not output:
        return []
    last = output[-1] | {"status": "incomplete"}
    if last["type"] == "function_call":
        last["optional"] = True
    return [*output[:-1], last]


def _naive_usage(usage: JSONObject) -> JSONObject:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    counted = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    counted["total_tokens"] = usage["total_tokens"]
    return counted if cached is None else counted | {"cached_tokens": cached}


def assert_expected(case: Case, response: JSONObject) -> None:
    """Hold a Response object against what the case means: the outcome, all of the text, and item by item."""
    expected = case.expected
    assert response["status"] in case.statuses, (response["status"], response["error"])
    if response["status"] == expected["status"]:
        assert (response["incomplete_details"] or {}).get("reason") == expected["incomplete_reason"]
    _assert_error(expected, response)
    _assert_usage(expected["usage"], response["usage"])
    _assert_texts(expected["output"], response)
    _assert_items(expected["output"], response["output"])


def _assert_error(expected: JSONObject, response: JSONObject) -> None:
    if expected["error"] is None:
        assert response["error"] is None
    elif response["status"] == "failed":
        assert expected["error"]["message_contains"] in response["error"]["message"]


def _assert_usage(expected: JSONObject | None, usage: JSONObject | None) -> None:
    if expected is None:
        assert usage is None or usage.get("estimated") is True, usage
        return
    assert usage is not None
    assert "estimated" not in usage
    assert usage["input_tokens"] == expected["input_tokens"]
    assert usage["output_tokens"] in (expected.get("output_tokens_any_of") or [expected["output_tokens"]])
    assert usage["total_tokens"] == expected["total_tokens"]
    if "cached_tokens" in expected:
        assert usage["input_tokens_details"]["cached_tokens"] == expected["cached_tokens"]
    if "reasoning_tokens" in expected:
        assert usage["output_tokens_details"]["reasoning_tokens"] == expected["reasoning_tokens"]


def _assert_texts(expected: list[JSONObject], response: JSONObject) -> None:
    """The concatenated texts and the calls, whatever items they came in. White space at the ends is the items' matter."""
    reasoning = "".join(item["text"] for item in expected if item["type"] == "reasoning")
    assert output_reasoning(response).strip() == reasoning.strip()
    texts = [""]
    for item in expected:
        if item["type"] == "message" and "refusal" not in item:
            texts = [text + variant for text in texts for variant in item.get("text_any_of") or [item["text"]]]
    assert output_text(response).strip() in [text.strip() for text in texts]
    names = [item["name"] for item in expected if item["type"] in CALLS and not item.get("optional")]
    assert [call["name"] for call in output_calls(response)][: len(names)] == names


def _assert_items(expected: list[JSONObject], output: list[JSONObject]) -> None:
    items = [item for item in output if not _is_empty_message(item)]
    for wanted in expected:
        difference = _difference(wanted, items[0]) if items else "it is missing"
        if difference is None:
            items.pop(0)
        else:
            assert wanted.get("optional"), f"{difference}: wanted {wanted}, got {items[:1]}"
    assert not items, f"items that nothing expects: {items}"


def _is_empty_message(item: JSONObject) -> bool:
    """The message that stands for an answer without any content."""
    return item["type"] == "message" and [part.get("text") for part in item["content"]] == [""]


def _difference(wanted: JSONObject, item: JSONObject) -> str | None:
    """Why the item is not the wanted one, or None."""
    if item["type"] != wanted["type"]:
        return f"type {item['type']}"
    if wanted.get("status", item["status"]) != item["status"]:
        return f"status {item['status']}"
    if item["type"] == "function_call":
        return _call_difference(wanted, item)
    part = [*(item.get("summary") or []), *(item.get("content") or [])][0]
    got = part.get("text", part.get("refusal"))
    variants = wanted.get("text_any_of") or [wanted.get("text", wanted.get("refusal"))]
    if wanted.get("match") == "strip":
        return None if got.strip() in [text.strip() for text in variants] else f"text {got!r}"
    return None if got in variants else f"text {got!r}"


def _call_difference(wanted: JSONObject, item: JSONObject) -> str | None:
    if item["name"] != wanted["name"]:
        return f"name {item['name']}"
    if item["call_id"] != (wanted["call_id"] or item["call_id"]) or not item["call_id"]:
        return f"call_id {item['call_id']!r}"
    variants = wanted.get("arguments_any_of") or [wanted["arguments"]]
    if wanted.get("arguments_compare") == "json":
        same = json.loads(item["arguments"]) in [json.loads(variant) for variant in variants]
    else:
        same = item["arguments"] in variants
    return None if same else f"arguments {item['arguments']!r}"
