"""Scripts in the form of Chat Completions."""

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.demo import stream
from gateway.demo.request import ChatRequest
from gateway.demo.steps import Argue, OpenCall, Refuse, Say, Script, Think

MESSAGES = [{"role": "user", "content": "Hi"}]
SCRIPT = Script((Think("hm"), Say("Hé"), Say("llo")), "stop")
CALLS = Script(
    (OpenCall(0, "call_1", "f"), Argue(0, "{"), Argue(0, "}"), OpenCall(1, "call_2", "g"), Argue(1, "{}")), "tool_calls"
)


def reply(*, include_usage: bool = False, top_logprobs: int | None = None) -> stream.Reply:
    request = ChatRequest("demo", MESSAGES, True, include_usage, top_logprobs=top_logprobs)
    return stream.Reply("chatcmpl-1", 1700000000, request)


def parsed(frame: bytes) -> JSONObject:
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    chunk: JSONObject = json.loads(frame[6:])
    return chunk


def delta(step: Say | Think | Refuse | OpenCall | Argue) -> JSONValue:
    return parsed(stream.step_frame(reply(), step))["choices"][0]["delta"]


def test_the_first_chunk_names_the_role() -> None:
    assert parsed(stream.opening_frame(reply(), SCRIPT)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "demo",
        "system_fingerprint": "fp_demo",
        "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        ],
    }


def test_the_first_chunk_has_no_content_when_no_text_follows() -> None:
    assert parsed(stream.opening_frame(reply(), CALLS))["choices"][0]["delta"] == {"role": "assistant", "content": None}


def test_each_step_has_its_delta() -> None:
    assert delta(Say("Hé")) == {"content": "Hé"}
    assert delta(Think("hm")) == {"reasoning_content": "hm"}
    assert delta(Refuse("no")) == {"refusal": "no"}
    assert delta(Argue(1, "{")) == {"tool_calls": [{"index": 1, "function": {"arguments": "{"}}]}
    function = {"name": "f", "arguments": ""}
    assert delta(OpenCall(1, "call_1", "f")) == {
        "tool_calls": [{"index": 1, "id": "call_1", "type": "function", "function": function}]
    }


def test_text_has_logprobs_when_asked() -> None:
    choice = parsed(stream.step_frame(reply(top_logprobs=2), Say("a")))["choices"][0]
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["a"]
    assert parsed(stream.step_frame(reply(top_logprobs=2), Think("a")))["choices"][0]["logprobs"] is None


def test_the_end_is_a_finish_and_done() -> None:
    finish, done, rest = stream.closing_frames(reply(), SCRIPT).split(b"\n\n")
    assert json.loads(finish[6:])["choices"][0]["finish_reason"] == "stop"
    assert (done, rest) == (b"data: [DONE]", b"")


def test_usage_comes_in_a_chunk_without_choices_when_asked() -> None:
    _, usage, _, _ = stream.closing_frames(reply(include_usage=True), SCRIPT).split(b"\n\n")
    chunk = json.loads(usage[6:])
    assert chunk["choices"] == []
    assert chunk["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert parsed(stream.opening_frame(reply(include_usage=True), SCRIPT))["usage"] is None


def test_a_whole_completion_says_the_same() -> None:
    completion = stream.completion(reply(), SCRIPT)
    message = completion["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Héllo", "refusal": None, "reasoning_content": "hm"}
    assert completion["object"] == "chat.completion"
    assert completion["usage"]["completion_tokens"] == 3
    assert completion["choices"][0]["logprobs"] is None


def test_a_whole_completion_joins_the_arguments_of_each_call() -> None:
    message = stream.completion(reply(), CALLS)["choices"][0]["message"]
    assert message["content"] is None
    assert [(call["id"], call["function"]) for call in message["tool_calls"]] == [
        ("call_1", {"name": "f", "arguments": "{}"}),
        ("call_2", {"name": "g", "arguments": "{}"}),
    ]


def test_a_whole_refusal_has_no_content() -> None:
    message = stream.completion(reply(), Script((Refuse("no"),), "stop"))["choices"][0]["message"]
    assert message == {"role": "assistant", "content": None, "refusal": "no"}


def test_a_whole_completion_has_logprobs_for_each_token() -> None:
    logprobs = stream.completion(reply(top_logprobs=1), SCRIPT)["choices"][0]["logprobs"]
    assert [entry["token"] for entry in logprobs["content"]] == ["Hé", "llo"]


def test_an_empty_answer_has_empty_content() -> None:
    assert stream.completion(reply(), Script((), "stop"))["choices"][0]["message"]["content"] == ""
