"""The whole translation as one object: bytes in, a valid stream out, whatever the bytes are."""

import itertools
from collections.abc import Iterable

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.translate.translation import Translation
from tests.official import StreamCheck, check_stream
from tests.translate.planning import plan_of
from tests.translate.test_chat_reader import CHUNKS, DONE, STOP, delta, sse

PROVIDER = ProviderSettings(name="up", base_url="http://up.test/v1")


def translation(provider: ProviderSettings = PROVIDER) -> Translation:
    numbers = itertools.count()
    return Translation(
        plan_of(stream=True),
        provider,
        mint_id=lambda prefix: f"{prefix}_{next(numbers)}",
        created_at=1_700_000_000,
        now=lambda: 1_700_000_009,
        input_bytes=40,
    )


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
