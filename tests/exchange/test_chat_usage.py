import orjson
import pytest

from gateway.exchange.chat_usage import ChatUsage
from gateway.translate.signals import Usage
from tests.fakes import chat

REPORTED = Usage(11, 7, 18)


def used(*chunks: bytes, input_bytes: int = 40) -> Usage:
    one = ChatUsage(input_bytes)
    for chunk in chunks:
        one.feed(chunk)
    return one.usage()


def test_the_usage_of_a_stream_is_found_for_any_split() -> None:
    body = chat.text_stream("Hello", " there")
    assert used(body) == REPORTED
    assert used(*(bytes([byte]) for byte in body)) == REPORTED


def test_the_usage_of_a_whole_completion_is_found() -> None:
    assert used(orjson.dumps({"choices": [{"message": {"content": "x" * 100_000}}], "usage": chat.USAGE})) == REPORTED


def test_the_last_usage_counts_and_null_does_not() -> None:
    first = chat.frame({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    assert used(first, chat.usage_chunk(), chat.frame({"choices": [], "usage": None})) == REPORTED


@pytest.mark.parametrize("text", ['"usage": [', '"usage": ' + "[" * 100_000, 'say "usage": 5', "\xff"])
def test_words_of_the_model_are_no_usage(text: str) -> None:
    assert used(chat.chunk({"content": text})) == Usage(10, 1, 11, estimated=True)


def test_without_any_the_events_are_counted() -> None:
    chunks = [chat.chunk({"content": "a"})] * 25
    assert used(*chunks) == Usage(10, 25, 35, estimated=True)


def test_without_any_in_a_whole_body_its_bytes_are_counted() -> None:
    assert used(b"{" + b"x" * 399, input_bytes=0) == Usage(0, 100, 100, estimated=True)
