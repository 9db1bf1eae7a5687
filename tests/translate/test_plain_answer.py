"""The short way of an answer that is nothing but a text: for the same body, the same Response as the long way."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import ProviderSettings, Quirks
from gateway.translate import chat_reader
from gateway.translate.plain_answer import plain_answer
from gateway.translate.request import plan, read_request
from gateway.translate.signals import Finish, Outcome, Text, Usage
from gateway.translate.translation import Translation
from tests.translate.translations import translation_of

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TEXTS = st.text(max_size=8) | st.sampled_from(["Hello", " ", "\n", "<think>a</think>b", "\u00e9\u2028", '"\\'])
VALUES: list[Any] = [
    *(None, "", "x", "stop", "length", "tool_calls", 0, 1, False, True, [], {}, {"content": "x"}, [{"text": "x"}]),
    *([CALL], {"name": "f", "arguments": "{}"}, {"content": [{"token": "x", "logprob": -1.0, "bytes": None}]}),
    *(USAGE, {"usage": USAGE}, {"message": "no"}, {"status_code": 1}),
]
MEMBERS = {
    "body": "choices usage error base_resp x_groq object",
    "choice": "index finish_reason logprobs delta usage message stop_reason",
    "message": "role content refusal tool_calls function_call annotations "
    "reasoning reasoning_content reasoning_details reasoning_text",
}
PLACES = [(place, name) for place, names in MEMBERS.items() for name in names.split()]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(VALUES)), max_size=2)
QUIRKS = st.builds(
    Quirks,
    think_tags=st.sampled_from(["off", "on"]),
    content_mode=st.sampled_from(["incremental", "cumulative"]),
    reasoning_field=st.sampled_from(["reasoning_content", "reasoning_details"]),
)


def whole(text: object = "Hello", **members: object) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
    return {"choices": [choice], "usage": USAGE, **members}


def translate(pieces: list[bytes], quirks: Quirks, *, is_collected: bool = True) -> Translation:
    provider = ProviderSettings(name="up", base_url="http://up.test/v1", quirks=quirks)
    request = read_request({"model": "m", "input": "Hi"})
    translation = translation_of(plan(request, model="m", quirks=quirks, strict=False), provider)
    if is_collected:
        translation.mute()
    for piece in pieces:
        translation.feed(piece)
    translation.finish()
    return translation


def assert_same_with(text: str, changes: list[tuple[tuple[str, str], Any]], quirks: Quirks) -> None:
    body = whole(text)
    parts = {"body": body, "choice": body["choices"][0], "message": body["choices"][0]["message"]}
    for (place, name), value in changes:
        parts[place][name] = value
    assert_same(orjson.dumps(body), quirks)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_it_is_the_same_response_whatever_one_member_is(place: tuple[str, str]) -> None:
    for value in VALUES:
        assert_same_with("Hello", [(place, value)], Quirks())


@given(text=TEXTS, changes=CHANGES, quirks=QUIRKS)
def test_it_is_the_same_response(text: str, changes: list[tuple[tuple[str, str], Any]], quirks: Quirks) -> None:
    assert_same_with(text, changes, quirks)


def assert_same(data: bytes, quirks: Quirks) -> None:
    short = translate([data], quirks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_reader, "plain_answer", lambda *_: [])
        long = translate([data], quirks, is_collected=False)
    assert short.final == long.final is not None
    assert short.usage == long.usage
    assert str(short.error) == str(long.error)


@pytest.mark.parametrize("halves", [rb"\ud83d\ude00", rb"a\ud83d", rb"\ude00b"])
def test_halves_of_characters_become_the_same_text(halves: bytes) -> None:
    assert_same(orjson.dumps(whole("?")).replace(b"?", halves), Quirks())


@pytest.mark.parametrize("first", [{"content": "Hel"}, {"reasoning_details": [{"data": "x"}]}, {"role": "assistant"}])
def test_a_text_that_ends_a_stream_is_added_to_what_was_before(first: dict[str, Any]) -> None:
    """Some upstreams send events although none were asked for."""
    chunks = [{"delta": first}, {"delta": {"content": "lo"}, "finish_reason": "stop"}]
    pieces = [b"data: %b\n\n" % orjson.dumps({"choices": [chunk]}) for chunk in chunks]
    pieces[-1] += b"data: [DONE]\n\n"
    quirks = Quirks(reasoning_field="reasoning_details")
    assert translate(pieces, quirks).final == translate(pieces, quirks, is_collected=False).final is not None


def test_a_text_and_its_end_are_all_of_it() -> None:
    assert plain_answer(whole(), Quirks()) == [Text("Hello"), Finish(Outcome.COMPLETED, Usage(3, 2, 5))]


def test_a_character_in_two_halves_is_joined() -> None:
    [text, _] = plain_answer(whole("\ud83d\ude00\ud83d"), Quirks())
    assert text == Text("\U0001f600\ufffd")


@pytest.mark.parametrize(
    "body",
    [
        whole(choices=[]),
        whole(choices=["Hello"]),
        whole(choices=whole()["choices"] * 2),
        whole(""),
        whole([{"type": "text", "text": "Hello"}]),
        whole(error="x"),
        whole(base_resp={"status_code": 0}),
    ],
)
def test_what_may_be_more_is_left_to_the_long_way(body: dict[str, Any]) -> None:
    assert plain_answer(body, Quirks()) == []


@pytest.mark.parametrize(
    "members", [{"index": 1}, {"finish_reason": "length"}, {"logprobs": {"content": []}}, {"delta": {}}, {"message": 1}]
)
def test_a_choice_that_is_not_plain_is_left_to_the_long_way(members: dict[str, Any]) -> None:
    [choice] = whole()["choices"]
    assert plain_answer({"choices": [{**choice, **members}]}, Quirks()) == []


@pytest.mark.parametrize("name", ["function_call", "reasoning", "reasoning_details", "refusal", "tool_calls"])
def test_a_message_with_more_than_text_is_left_to_the_long_way(name: str) -> None:
    body = whole()
    body["choices"][0]["message"][name] = ["x"]
    assert plain_answer(body, Quirks()) == []
    body["choices"][0]["message"][name] = None
    assert plain_answer(body, Quirks()) != []


def test_tags_of_reasoning_are_left_to_the_long_way() -> None:
    assert plain_answer(whole(), Quirks(think_tags="on")) == []
