"""The whole translation as one object: bytes in, a valid stream out, whatever the bytes are."""

from collections.abc import Iterable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.translate.signals import Usage
from gateway.translate.translation import EMPTY_ANSWER, Translation
from tests.official import StreamCheck, check_stream
from tests.translate.planning import plan_of
from tests.translate.test_chat_reader import CHUNKS, DONE, STOP, delta, sse
from tests.translate.translations import PROVIDER, translation_of


def translation(provider: ProviderSettings = PROVIDER) -> Translation:
    return translation_of(plan_of(stream=True), provider)


def stream_of(pieces: Iterable[bytes]) -> StreamCheck:
    one = translation()
    body = one.begin() + b"".join(map(one.feed, pieces)) + one.finish()
    assert one.is_over
    return check_stream(body)


def test_a_stream_begins_runs_and_ends() -> None:
    stream = stream_of([sse(delta(content="Hel"), delta(content="lo"), STOP), DONE])
    assert (stream.text, stream.response["status"]) == ("Hello", "completed")
    assert (stream.response["created_at"], stream.response["completed_at"]) == (1_700_000_000, 1_700_000_009)


def test_the_final_response_is_the_one_of_the_terminal_event() -> None:
    one = translation()
    assert (one.final, one.is_over, one.has_output, one.error) == (None, False, False, None)
    body = one.begin() + one.feed(sse(delta(content="a"), STOP) + DONE)
    assert orjson.loads(one.final or b"") == check_stream(body).response
    assert (one.is_over, one.has_output, one.termination) == (True, True, "completed")


def test_a_failure_keeps_what_had_come() -> None:
    one = translation()
    error = GatewayError(ErrorKind.TIMEOUT, "The upstream was silent for too long.")
    stream = check_stream(one.begin() + one.feed(sse(delta(content="a"))) + one.fail(error))
    assert (stream.text, stream.response["status"]) == ("a", "failed")
    assert stream.response["error"]["message"] == error.message
    assert one.error is error
    assert one.fail(error) == one.finish() == one.feed(b"x") == b""


def test_a_heartbeat_may_come_at_any_time() -> None:
    one = translation()
    body = one.begin() + one.keep_alive() + one.feed(sse(delta(content="a"))) + one.keep_alive()
    assert check_stream(body + one.feed(sse(STOP) + DONE)).text == "a"


@given(st.lists(CHUNKS, max_size=6), st.binary(max_size=30))
def test_any_bytes_make_a_stream_that_every_client_can_read(chunks: list[object], tail: bytes) -> None:
    stream_of([sse(*chunks), tail])


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20))
def test_the_text_arrives_unchanged(texts: list[str]) -> None:
    stream = stream_of([sse(*(delta(content=text) for text in texts), STOP)])
    assert stream.text == "".join(texts)


# Listening before anything is put out


def listened(one: Translation, *pieces: bytes) -> bool:
    heard = [one.listen(piece) for piece in (*pieces, b"")]
    return heard[-1]


ROLE = delta(role="assistant", content="")


def test_what_is_listened_to_is_held_back_until_it_is_released() -> None:
    one = translation()
    assert not one.listen(sse(ROLE))
    assert one.listen(sse(delta(content="Hel")))
    assert (one.has_spoken, one.disappointment) == (False, None)
    body = one.begin() + one.release() + one.feed(sse(delta(content="lo"), STOP) + DONE)
    assert (one.has_spoken, one.is_over) == (True, True)
    assert check_stream(body).text == "Hello"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "cut_off"),
        (sse(ROLE), "cut_off"),
        (sse(ROLE, STOP) + DONE, EMPTY_ANSWER),
        (sse({"error": {"message": "m", "code": "oom"}}), "oom"),
        (b'{"error": {"message": "m", "code": "oom"}}', "oom"),
        (b"<html>", None),
        (b"data: {oops\n\n", None),
    ],
)
def test_an_answer_without_a_word_is_a_disappointment(body: bytes, code: str | None) -> None:
    one = translation()
    assert listened(one, body)
    assert one.disappointment is not None
    assert one.disappointment.upstream_code == code


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_empty_answer_for_a_reason_is_none(reason: str) -> None:
    one = translation()
    assert listened(one, sse({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}) + DONE)
    assert one.disappointment is None
    assert check_stream(one.begin() + one.release()).response["status"] == "incomplete"


@pytest.mark.parametrize("is_open", [False, True])
def test_another_upstream_can_answer_instead(*, is_open: bool) -> None:
    one = translation()
    body = one.begin() + one.keep_alive() if is_open else b""
    one.listen(sse(ROLE, {"error": {"message": "m"}}))
    one.restart(plan_of(stream=True), ProviderSettings(name="other", base_url="http://o"), input_bytes=9)
    assert one.disappointment is None
    one.listen(sse(delta(content="Hi"), STOP) + DONE)
    body += one.release() if is_open else one.begin() + one.release()
    stream = check_stream(body)
    assert (stream.text, stream.response["status"], stream.response["id"]) == ("Hi", "completed", one.response_id)


def test_after_a_word_nobody_else_can() -> None:
    one = translation()
    one.begin()
    one.feed(sse(delta(content="Hi")))
    with pytest.raises(RuntimeError):
        one.restart(plan_of(stream=True), PROVIDER, input_bytes=9)


def test_a_disappointment_can_be_the_end_of_a_stream() -> None:
    one = translation()
    body = one.begin()
    one.listen(sse(ROLE) + sse({"error": {"message": "m", "code": "oom"}}))
    assert one.disappointment is not None
    stream = check_stream(body + one.fail(one.disappointment))
    assert (stream.response["status"], stream.response["error"]["message"]) == ("failed", "m")


def test_the_usage_is_the_reported_one_or_a_guess_at_any_time() -> None:
    one = translation()
    assert one.usage == Usage(10, 0, 10, estimated=True)
    one.feed(sse(delta(content="x" * 40)))
    assert one.usage == Usage(10, 10, 20, estimated=True)
    one.feed(sse(STOP, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}) + DONE)
    assert one.usage == Usage(3, 4, 7)


@given(st.lists(CHUNKS), st.binary(max_size=40))
def test_listening_first_changes_nothing_but_when(chunks: list[object], tail: bytes) -> None:
    pieces = [*(sse(chunk) for chunk in chunks), tail]
    one = translation()
    body = b""
    for piece in [piece for piece in pieces if piece]:
        if body:
            body += one.feed(piece)
        elif one.listen(piece):
            body = one.begin() + one.release()
    if not body:
        one.listen(b"")
        body = one.begin() + one.release()
    assert body + one.finish() == plainly([piece for piece in pieces if piece])


def plainly(pieces: Iterable[bytes]) -> bytes:
    one = translation()
    return one.begin() + b"".join(map(one.feed, pieces)) + one.finish()


def test_the_upstreams_key_is_never_quoted() -> None:
    one = translation(replace(PROVIDER, api_key="sk-up"))
    body = one.begin() + one.feed(sse(delta(content="a"), {"error": {"message": "bad key sk-up"}}))
    assert check_stream(body).response["error"]["message"] == "bad key ***"
