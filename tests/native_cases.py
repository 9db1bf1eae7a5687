"""The corpus of native Responses streams: loads the cases, and breaks them as half-native servers do.

`corpus_native/NAME.sse` is what an upstream sends, `NAME.json` what a client must get of it. Nothing here runs the
gateway.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.codec.json import JSONObject, JSONValue
from tests.event_rules import StreamCheck

FOLDER = Path(__file__).parent / "corpus_native"


@dataclass(frozen=True, slots=True)
class NativeCase:
    """One stream and its meaning."""

    name: str
    body: bytes
    expected: JSONObject

    def __str__(self) -> str:
        return self.name

    @property
    def events(self) -> list[JSONObject]:
        """The events, without their framing."""
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n")
        data = [line[5:].strip() for line in lines if line.startswith(b"data:")]
        return [orjson.loads(one) for one in data if one != b"[DONE]"]


def native_cases() -> list[NativeCase]:
    """All cases."""
    return [
        NativeCase(path.stem, path.read_bytes(), orjson.loads(path.with_suffix(".json").read_bytes()))
        for path in sorted(FOLDER.glob("*.sse"))
    ]


def native_case(name: str) -> NativeCase:
    """The case of this name."""
    return next(case for case in native_cases() if case.name == name)


def stream_of(events: list[JSONObject]) -> bytes:
    """The events as a plain stream."""
    return b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events)


def without(case: NativeCase, name: str) -> bytes:
    """The stream without all events of a type."""
    return stream_of([event for event in case.events if event["type"] != name])


def changed(case: NativeCase, change: Callable[[JSONObject, int], None]) -> bytes:
    """The stream with a change in every event but the terminal one; it is told the number of the event."""
    events = case.events
    for number, event in enumerate(events):
        if "response" not in event:
            change(event, number)
    return stream_of(events)


def other_ids(event: JSONObject, number: int) -> None:
    """An id of its own in each event."""
    if "item_id" in event:
        event["item_id"] = f"x{number}"
    if "item" in event:
        event["item"] = {**event["item"], "id": f"y{number}"}


def index_zero(event: JSONObject, number: int) -> None:
    """All items have the same index."""
    if "output_index" in event:
        event["output_index"] = 0


def calls_of(stream: StreamCheck) -> list[list[JSONValue]]:
    """The calls in the form in which cases have them."""
    return [
        [call["call_id"], call["name"], call["arguments" if call["type"] == "function_call" else "input"]]
        for call in stream.calls
    ]


def assert_same_answer(case: NativeCase, stream: StreamCheck) -> None:
    """The text, the reasoning and the calls are those of the case."""
    expected = case.expected
    assert stream.text == expected["text"]
    assert stream.reasoning == expected["reasoning"]
    assert stream.refusal == expected.get("refusal", "")
    assert calls_of(stream) == expected.get("calls", [])


def assert_expected(case: NativeCase, stream: StreamCheck) -> None:
    """Everything that the case says of the Response."""
    expected, response = case.expected, stream.response
    assert_same_answer(case, stream)
    assert [item["type"] for item in response["output"]] == expected["items"]
    assert response["status"] == expected["status"]
    if "code" in expected:
        assert response["error"]["code"] == expected["code"]
    if "usage" in expected:
        usage = response["usage"]
        details = (usage["input_tokens_details"]["cached_tokens"], usage["output_tokens_details"]["reasoning_tokens"])
        counts = [usage["input_tokens"], usage["output_tokens"], usage["total_tokens"], *details]
        assert counts == expected["usage"]
