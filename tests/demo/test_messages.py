"""The rules for messages, and what is read from them."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.demo import messages
from gateway.errors import GatewayError

USER: JSONObject = {"role": "user", "content": "Hi"}
IMAGE: JSONObject = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}


def calls(*ids: str) -> JSONObject:
    made = [{"id": name, "type": "function", "function": {"name": f"tool_{name}", "arguments": "{}"}} for name in ids]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(name: str, text: str = "done") -> JSONObject:
    return {"role": "tool", "tool_call_id": name, "content": text}


@pytest.mark.parametrize(
    "history",
    [
        [USER],
        [{"role": "system", "content": "Be kind."}, USER],
        [{"role": "developer", "content": [{"type": "text", "text": "Be kind."}]}, USER],
        [USER, {"role": "assistant", "content": "Hello"}, USER],
        [USER, calls("a", "b"), result("b"), result("a"), USER],
        [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}],
        [USER, {"role": "assistant", "content": "", "reasoning_content": "hm"}, USER],
        [USER, {"role": "assistant", "content": None, "refusal": "No."}, USER],
        [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}],
    ],
)
def test_a_good_history_passes(history: list[JSONObject]) -> None:
    assert messages.check_messages(history) == history


@pytest.mark.parametrize(
    ("history", "param"),
    [
        ("Hi", "messages"),
        ([], "messages"),
        (["Hi"], "messages[0]"),
        ([{"role": "critic", "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "assistant", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "system", "content": [IMAGE]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "file", "file": "x"}]}], "messages[0].content[0].file"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]}],
            "messages[0].content[0].image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}],
            "messages[0].content[0].image_url.url",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c", "detail": "x"}}],
                }
            ],
            "messages[0].content[0].image_url.detail",
        ),
        ([USER, {"role": "system", "content": "Be kind."}], "messages[1].role"),
        ([{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, USER], "messages[1].role"),
        ([{"role": "user", "content": "x", "tool_calls": []}], "messages[0].tool_calls"),
        ([USER, {"role": "assistant", "content": "x", "tool_calls": []}], "messages[1].tool_calls"),
        ([USER, {"role": "assistant", "content": "x", "tool_calls": [{}]}], "messages[1].tool_calls[0]"),
        ([USER, calls("a", "a"), result("a")], "messages[1].tool_calls"),
        ([USER, {"role": "tool", "content": "x"}], "messages[1].tool_call_id"),
        ([USER, result("a")], "messages[1].tool_call_id"),
        ([USER, calls("a"), result("b")], "messages[2].tool_call_id"),
        ([USER, calls("a"), result("a"), result("a")], "messages[3].tool_call_id"),
        ([USER, calls("a", "b"), result("a"), USER], "messages[3]"),
        ([USER, calls("a")], "messages"),
    ],
)
def test_a_bad_history_is_refused_by_name(history: JSONValue, param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        messages.check_messages(history)
    assert refused.value.param == param
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("function", "param"),
    [
        (None, "messages[0].tool_calls[0].function.name"),
        ({"name": ""}, "messages[0].tool_calls[0].function.name"),
        ({"name": "f"}, "messages[0].tool_calls[0].function.arguments"),
        ({"name": "f", "arguments": ""}, "messages[0].tool_calls[0].function.arguments"),
        ({"name": "f", "arguments": "[]"}, "messages[0].tool_calls[0].function.arguments"),
        ({"name": "f", "arguments": {}}, "messages[0].tool_calls[0].function.arguments"),
    ],
)
def test_a_bad_call_in_the_history_is_refused(function: JSONValue, param: str) -> None:
    call = {"id": "a", "type": "function", "function": function}
    with pytest.raises(GatewayError) as refused:
        messages.check_messages([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert refused.value.param == param


def test_the_text_of_parts_is_joined() -> None:
    content = [{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}]
    assert messages.text_of({"role": "user", "content": content}) == "ab"
    assert messages.text_of({"role": "assistant", "content": None}) == ""


def test_images_are_found() -> None:
    assert messages.images_of({"role": "user", "content": [IMAGE]}) == [IMAGE["image_url"]]
    assert messages.images_of(USER) == []


def test_the_last_user_text_passes_over_messages_without_any() -> None:
    history = [USER, {"role": "user", "content": [IMAGE]}]
    assert messages.last_user_text(history) == "Hi"
    assert messages.last_user_text([{"role": "system", "content": "x"}]) == ""


def test_the_latest_messages_are_those_after_the_assistant() -> None:
    assert messages.latest_messages([USER]) == [USER]
    assert messages.latest_messages([USER, calls("a"), result("a")]) == [result("a")]


def test_tool_results_carry_the_tools_name() -> None:
    history = [USER, calls("a", "b"), result("a", "1"), result("b", "2")]
    assert messages.tool_results(history) == [("tool_a", "1"), ("tool_b", "2")]


def test_an_image_after_tool_results_belongs_to_them() -> None:
    image = {"role": "user", "content": [{"type": "text", "text": "The image of a:"}, IMAGE]}
    assert messages.tool_results([USER, calls("a"), result("a"), image]) == [("tool_a", "done")]


def test_tool_results_are_old_when_the_user_spoke_since() -> None:
    assert messages.tool_results([USER, calls("a"), result("a"), USER]) == []


def test_reasoning_in_the_history_is_noticed() -> None:
    assert messages.has_thoughts([USER, {"role": "assistant", "content": "x", "reasoning_content": "hm"}])
    assert not messages.has_thoughts([USER])
