"""The corpus through the whole translation: what each upstream's bytes mean, however they are cut into pieces."""

import itertools
import random
from collections.abc import Iterable

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.codec.upstream_error import error_from_response
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings, Quirks
from gateway.translate.request import plan, read_request
from gateway.translate.translation import Translation
from tests.corpus_cases import Case, all_cases, assert_expected, open_cases, streams
from tests.official import check_response, check_stream
from tests.translate.translations import translation_of

BYTE_BY_BYTE_LIMIT = 20_000
"""Bodies above this size are cut into random pieces instead: the test is linear, but not free."""

ALL = all_cases()
STREAMS = streams()
SHORT = [case for case in STREAMS if len(case.body) <= BYTE_BY_BYTE_LIMIT]
LONG = [case for case in STREAMS if len(case.body) > BYTE_BY_BYTE_LIMIT]
REFUSED = [case for case in ALL if case.is_http_error]


def translated(case: Case, *, stream: bool = True) -> Translation:
    provider = ProviderSettings(name="up", base_url="http://up.test/v1", quirks=msgspec.convert(case.quirks, Quirks))
    request = read_request(case.request | {"stream": stream})
    planned = plan(request, model="m", quirks=provider.quirks, strict=False)
    return translation_of(planned, provider, seal=None)


def translate(case: Case, pieces: Iterable[bytes]) -> bytes:
    """The whole stream that the client gets for these pieces of the upstream's body."""
    translation = translated(case)
    frames = [translation.begin()]
    frames += [translation.feed(piece) for piece in pieces]
    frames.append(translation.finish())
    assert translation.is_over
    return b"".join(frames)


@pytest.mark.parametrize("case", STREAMS, ids=str)
def test_each_case_means_what_it_should(case: Case) -> None:
    stream = check_stream(translate(case, [case.body]))
    assert_expected(case, stream.response)


@pytest.mark.parametrize("case", STREAMS, ids=str)
def test_a_collected_answer_is_the_object_of_the_terminal_event(case: Case) -> None:
    streamed = check_stream(translate(case, [case.body]))
    translation = translated(case, stream=False)
    translation.mute()
    assert translation.begin() + translation.feed(case.body) + translation.finish() == b""
    collected = orjson.loads(translation.final or b"")
    check_response(collected)
    assert collected == streamed.response


@pytest.mark.parametrize("case", SHORT, ids=str)
def test_byte_by_byte_it_is_the_same(case: Case) -> None:
    cut = translate(case, [case.body[at : at + 1] for at in range(len(case.body))])
    assert cut == translate(case, [case.body])


@pytest.mark.parametrize("case", LONG, ids=str)
def test_long_bodies_in_small_pieces_are_the_same(case: Case) -> None:
    sizes = random.Random(case.name)
    pieces, at = [], 0
    while at < len(case.body):
        size = sizes.randint(1, 40)
        pieces.append(case.body[at : at + size])
        at += size
    assert translate(case, pieces) == translate(case, [case.body])


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.data_too_large])
def test_at_random_splits_it_is_the_same(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(open_cases()).filter(lambda case: not case.is_http_error))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(case.body)), max_size=12)))
    edges = [0, *cuts, len(case.body)]
    pieces = [case.body[start:end] for start, end in itertools.pairwise(edges)]
    assert translate(case, pieces) == translate(case, [case.body])


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.data_too_large])
def test_cut_anywhere_it_never_looks_more_complete_than_it_is(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(open_cases()).filter(lambda case: not case.is_http_error))
    end = data.draw(st.integers(0, len(case.body)))
    stream = check_stream(translate(case, [case.body[:end]]))
    whole = check_stream(translate(case, [case.body]))
    if stream.response["status"] == "completed":
        assert whole.response["status"] in ("completed", "failed")
        assert b"finish_reason" in case.body[:end] or b"[DONE]" in case.body[:end]


@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.data_too_large])
def test_damaged_bytes_still_give_a_right_stream(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(open_cases()).filter(lambda case: len(case.body) < BYTE_BY_BYTE_LIMIT))
    body = bytearray(case.body)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    stream = check_stream(translate(case, [bytes(body)]))
    assert stream.response["status"] in ("completed", "incomplete", "failed")


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.data_too_large])
def test_heartbeats_and_a_failure_may_come_at_any_point(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(open_cases()).filter(lambda case: not case.is_http_error))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(case.body)), min_size=1, max_size=8)))
    translation = translated(case)
    frames = [translation.begin(), translation.keep_alive()]
    for start, end in itertools.pairwise([0, *cuts]):
        frames += [translation.feed(case.body[start:end]), translation.keep_alive()]
    was_over = translation.is_over
    frames += [translation.fail(GatewayError(ErrorKind.TIMEOUT, "Too slow.")), translation.finish()]
    frames += [translation.keep_alive()]
    stream = check_stream(b"".join(frames))
    assert was_over or stream.response["status"] == "failed"


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_refusal_after_the_stream_began_is_a_failed_response(case: Case) -> None:
    error = error_from_response(case.status, case.headers, case.body)
    translation = translated(case)
    stream = check_stream(translation.begin() + translation.fail(error))
    assert stream.response["status"] == "failed"
    assert_expected(case, stream.response)


@pytest.mark.parametrize("case", [case for case in open_cases() if case.expected.get("replay")], ids=str)
def test_what_must_come_back_comes_back_unchanged(case: Case) -> None:
    """The next turn of a client that carries the items itself, to the same upstream."""
    for wanted in case.expected["replay"]:
        quirks = msgspec.structs.replace(msgspec.convert(case.quirks, Quirks), **REPLAY_QUIRKS[wanted["field"]])
        provider = ProviderSettings(name="up", base_url="http://up.test/v1", quirks=quirks)
        first = plan(read_request(case.request), model="m", quirks=quirks, strict=False)
        translation = translation_of(first, provider)
        translation.feed(case.body)
        translation.finish()
        output = orjson.loads(translation.final or b"")["output"]
        results = [
            {"type": "function_call_output", "call_id": item["call_id"], "output": "ok"}
            for item in output
            if item["type"] == "function_call"
        ]
        again = case.request | {"input": [{"role": "user", "content": "hi"}, *output, *results]}
        second = plan(read_request(again), model="m", quirks=quirks, strict=True, provider="up", unseal=bytes.fromhex)
        message = next(one for one in second.body["messages"] if one["role"] == "assistant")
        target, _, call_id = wanted["on"].partition(":")
        place = (
            message if target == "assistant_message" else next(c for c in message["tool_calls"] if c["id"] == call_id)
        )
        assert place[wanted["field"]] == wanted["value"]


REPLAY_QUIRKS: dict[str, dict[str, object]] = {
    "reasoning_content": {},
    "reasoning_details": {"reasoning_field": "reasoning_details"},
    "extra_content": {"tool_extra_content": True},
}
"""The settings with which an upstream gets back what it sent in this member."""
