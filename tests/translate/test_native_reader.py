"""The reader of native Responses answers, through the composer: right and half-right servers give one right stream."""

import itertools
import random
from collections.abc import Iterable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.codec.json import JSONObject
from gateway.settings import ProviderSettings
from gateway.translate.native_reader import NativeReader
from gateway.translate.sealed import SealedReasoning, decode
from gateway.translate.signals import Failure
from gateway.translate.translation import Translation
from tests.native_cases import (
    NativeCase,
    assert_expected,
    assert_same_answer,
    changed,
    index_zero,
    native_case,
    native_cases,
    other_ids,
    stream_of,
    without,
)
from tests.official import StreamCheck, check_response, check_stream
from tests.translate.planning import plan_of
from tests.translate.translations import translation_of

CASES = native_cases()
COMPLETED = [case for case in CASES if case.expected["status"] == "completed"]
PROVIDER = ProviderSettings(name="up", base_url="http://up.test/v1", wire="responses")
ENDS = ("response.completed", "response.incomplete")


def translation(provider: ProviderSettings = PROVIDER, *, stream: bool = True) -> Translation:
    return translation_of(plan_of(stream=stream), provider)


def translated(pieces: Iterable[bytes], provider: ProviderSettings = PROVIDER) -> bytes:
    one = translation(provider)
    body = one.begin() + b"".join(map(one.feed, pieces)) + one.finish()
    assert one.is_over
    return body


def answer_to(body: bytes, provider: ProviderSettings = PROVIDER) -> StreamCheck:
    return check_stream(translated([body], provider))


def types_of(case: NativeCase) -> list[str]:
    return list(dict.fromkeys(event["type"] for event in case.events))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_case_means_what_it_should(case: NativeCase) -> None:
    assert_expected(case, answer_to(case.body))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_however_the_bytes_are_cut_it_is_the_same(case: NativeCase) -> None:
    whole = translated([case.body])
    assert translated(case.body[i : i + 1] for i in range(len(case.body))) == whole
    dice = random.Random(case.name)
    for _ in range(10):
        cuts = sorted(dice.sample(range(len(case.body)), 12))
        assert translated(case.body[a:b] for a, b in itertools.pairwise([0, *cuts, len(case.body)])) == whole


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_collected_answer_is_the_object_of_the_terminal_event(case: NativeCase) -> None:
    one = translation(stream=False)
    one.begin()
    one.feed(case.body)
    one.finish()
    collected = orjson.loads(one.final or b"")
    check_response(collected)
    assert collected == answer_to(case.body).response


@pytest.mark.parametrize("case", COMPLETED, ids=str)
def test_a_json_answer_is_read_like_a_stream(case: NativeCase) -> None:
    final = case.events[-1].get("response", {})
    if not final.get("output"):
        return
    assert_expected(case, answer_to(orjson.dumps(final)))


@pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in COMPLETED for name in types_of(case) if name not in ENDS and len(types_of(case)) > 4],
    ids=str,
)
def test_without_the_events_of_one_type_the_answer_is_the_same(case: NativeCase, name: str) -> None:
    stream = answer_to(without(case, name))
    if case.events[-1].get("response", {}).get("output"):
        assert_same_answer(case, stream)


@pytest.mark.parametrize("case", COMPLETED, ids=str)
@pytest.mark.parametrize("change", [other_ids, index_zero])
def test_ids_and_indexes_may_be_wrong(case: NativeCase, change: object) -> None:
    assert callable(change)
    stream = answer_to(changed(case, change))
    has_end = case.events[-1]["type"] in ENDS
    if has_end and (case.name != "bridge_interleaved" or change is index_zero):
        assert_expected(case, stream)


@pytest.mark.parametrize("case", COMPLETED, ids=str)
def test_ids_may_change_where_no_item_is_announced(case: NativeCase) -> None:
    events = [event for event in case.events if event["type"] != "response.output_item.added"]
    for number, event in enumerate(events):
        if "response" not in event:
            other_ids(event, number)
    if case.events[-1]["type"] in ENDS and case.name not in ("bridge_interleaved", "llamacpp_without_indexes"):
        assert_same_answer(case, answer_to(stream_of(events)))


@pytest.mark.parametrize("case", COMPLETED, ids=str)
def test_no_terminal_event_and_no_sentinel_is_a_failure(case: NativeCase) -> None:
    stream = answer_to(stream_of([event for event in case.events if event["type"] not in ENDS]))
    assert stream.response["status"] == "failed"


def test_deltas_alone_are_enough() -> None:
    case = native_case("openai_search")
    kept = [event for event in case.events if event["type"].endswith(".delta")]
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    assert_same_answer(case, answer_to(stream_of([*kept, end])))


def test_annotations_and_phases_are_kept() -> None:
    reasoning, search, message = answer_to(native_case("openai_search").body).response["output"]
    assert message["phase"] == "final_answer"
    assert [one["title"] for one in message["content"][0]["annotations"]] == ["Example"]
    assert [part["text"] for part in reasoning["summary"]] == ["**Looking**", "**Writing** é🎉"]
    assert search["id"].startswith("ws_")
    assert search["action"] == {"type": "search", "query": "news"}
    phases = [item["phase"] for item in answer_to(native_case("openai_phases").body).response["output"]]
    assert phases == ["commentary", "final_answer"]


def test_namespaces_are_those_of_the_upstream() -> None:
    plain, grouped, freeform = answer_to(native_case("openai_tools").body).calls
    assert ("namespace" in plain, grouped["namespace"], freeform["type"]) == (False, "files", "custom_tool_call")


def test_the_upstreams_own_reasoning_is_sealed_whole() -> None:
    item = answer_to(native_case("openai_search").body).response["output"][0]
    sealed = decode(bytes.fromhex(item["encrypted_content"]))
    assert isinstance(sealed, SealedReasoning)
    assert (sealed.provider, sealed.text) == ("up", "**Looking**\n**Writing** é🎉")
    assert sealed.item["id"] == "rs_a"
    assert sealed.item["encrypted_content"] == "gAAAAABopaque=="


def test_reasoning_can_be_shown_as_reasoning_text() -> None:
    provider = ProviderSettings(name="up", base_url="http://up.test/v1", wire="responses", reasoning_events="text")
    stream = answer_to(native_case("openai_search").body, provider)
    assert [part["text"] for part in stream.response["output"][0]["content"]] == ["**Looking**", "**Writing** é🎉"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "server_error", "message": "boom"}, "server_error"),
        ({"code": "invalid_prompt", "message": "no"}, "invalid_prompt"),
        ({"code": "image_too_large", "message": "no"}, "invalid_prompt"),
        ({"code": "context_length_exceeded", "message": "too long"}, "context_length_exceeded"),
        ({"code": "insufficient_quota", "message": "insufficient_quota"}, "insufficient_quota"),
        ({"code": "server_is_overloaded", "message": "later"}, "server_is_overloaded"),
        ("boom", "server_error"),
        (None, "server_error"),
    ],
)
def test_every_form_of_an_error_is_a_failure_with_its_code(error: object, code: str) -> None:
    flat = error if isinstance(error, dict) else {"message": error}
    response = {"status": "failed", "error": error}
    bodies = [stream_of([{"type": "response.failed", "response": response}]), orjson.dumps({**response, "output": []})]
    if error is not None:
        bodies += [stream_of([{"type": "error", **flat}]), stream_of([{"type": "error", "error": error}])]
        bodies += [b"data: " + orjson.dumps({"error": error}) + b"\n\n", orjson.dumps({"error": error})]
    for body in bodies:
        assert answer_to(body).response["error"]["code"] == code


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty answer"),
        (b"data: [DONE]\n\n", "empty answer"),
        (b"<html>busy</html>", "HTML"),
        (b"data: rubbish\n\n", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "not JSON"),
        (b'{"detail": "nope"}', "nope"),
        (b'{"object": "response", "status": "cancelled", "output": []}', "broke off"),
        (b"data: " + b"x" * 3000, "more than 2000 bytes"),
        (stream_of([{"type": "response.created", "x": "y" * 500}] * 9), "larger than 4000 bytes"),
    ],
)
def test_what_is_no_answer_is_a_failure(body: bytes, words: str) -> None:
    reader = NativeReader(max_event_bytes=2000, max_response_bytes=4000)
    signals = reader.feed(body) + reader.finish()
    last = signals[-1]
    assert isinstance(last, Failure)
    assert words in last.error.message
    assert reader.feed(b"late") == reader.finish() == []


def test_a_sentinel_in_the_middle_of_a_call_is_no_end() -> None:
    events = native_case("openai_tools").events[:6]
    assert answer_to(stream_of(events) + b"data: [DONE]\n\n").response["status"] == "failed"


def test_a_call_that_broke_off_cannot_be_run() -> None:
    events = native_case("openai_tools").events
    cut = next(n for n, event in enumerate(events) if event["type"] == "response.function_call_arguments.delta")
    stream = answer_to(stream_of(events[: cut + 1]))
    assert "response.function_call_arguments.done" not in stream.types
    assert stream.calls[0]["status"] == "incomplete"


def test_surrogates_that_were_cut_apart_are_joined() -> None:
    halves = (
        rb'{"type":"response.output_text.delta","delta":"\ud83c"}',
        rb'{"type":"response.output_text.delta","delta":"\udf89"}',
    )
    end = stream_of([{"type": "response.completed", "response": {}}])
    assert answer_to(b"".join(b"data: %b\n\n" % half for half in halves) + end).text == "\U0001f389"
    assert answer_to(b"data: %b\n\n" % halves[0] + end).text == "\ufffd"


EVENTS = [event for case in CASES for event in case.events]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(EVENTS), max_size=14), st.binary(max_size=20))
def test_any_events_in_any_order_make_a_stream_that_every_client_can_read(
    events: list[JSONObject], tail: bytes
) -> None:
    answer_to(stream_of(events) + tail)
