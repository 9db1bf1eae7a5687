from pathlib import Path

import pytest

from gateway.doctor.observation import Call, Observation, failed, observe
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.signals import Outcome
from gateway.upstream.client import Ending, RawAnswer
from tests.fakes import chat

RECORDED = Path(__file__).parent.parent / "corpus" / "recorded"


def streamed(body: bytes, ending: Ending = "whole") -> Observation:
    return observe(RawAnswer(200, "text/event-stream", body, ending))


def recorded(name: str) -> Observation:
    return streamed((RECORDED / f"{name}.sse").read_bytes())


@pytest.mark.parametrize(
    ("server", "member", "said_done"),
    [
        ("llama-server", "reasoning_content", True),
        ("transformers", "reasoning_content", False),
        ("mlx", "reasoning", True),
        ("litellm", "reasoning_content", True),
    ],
)
def test_the_member_that_has_the_reasoning(server: str, member: str, said_done: bool) -> None:
    seen = recorded(f"{server}.think")
    assert member in seen.members
    assert "Two and two make four." in seen.reasoning
    assert seen.answer == "The answer is 4."
    assert (seen.is_stream, seen.said_done, seen.outcome) == (True, said_done, Outcome.COMPLETED)


def test_tags_stay_in_the_text_but_not_in_the_answer() -> None:
    seen = recorded("llcpp-python.think")
    assert seen.text.startswith("<think>")
    assert (seen.answer, seen.reasoning, seen.usage) == ("The answer is 4.", "", None)


def test_calls_are_collected_with_their_arguments() -> None:
    for server in ("llama-server", "transformers", "mlx", "litellm"):
        names = [call.name for call in recorded(f"{server}.tool_parallel").calls]
        assert names == ["get_weather", "get_time"]
    assert streamed(chat.call_stream(("call_1", "f", '{"a":1}'))).calls == (Call("f", '{"a":1}'),)


def test_a_whole_completion_is_read_too() -> None:
    body = b'{"choices":[{"message":{"content":[{"type":"text","text":"Hi"}]},"finish_reason":"stop"}]}'
    seen = observe(RawAnswer(200, "application/json", body, "whole"))
    assert (seen.text, seen.is_stream, seen.said_done) == ("Hi", False, False)
    assert {"content", "text"} <= seen.members


@pytest.mark.parametrize(
    ("status", "body", "is_refusal"),
    [
        (400, b'{"error":{"message":"no"}}', True),
        (500, b"Internal Server Error", True),
        (429, b"{}", False),
        (401, b"{}", False),
        (503, b"{}", False),
        (301, b"", True),
    ],
)
def test_a_status_is_a_refusal_or_says_nothing(status: int, body: bytes, is_refusal: bool) -> None:
    seen = observe(RawAnswer(status, "application/json", body, "whole"))
    assert (seen.status, seen.is_refusal, seen.is_unclear) == (status, is_refusal, not is_refusal)


def test_an_empty_body_is_a_refusal() -> None:
    assert streamed(b"").is_refusal


def test_a_page_of_html_is_a_refusal() -> None:
    assert observe(RawAnswer(200, "text/html", b"<html>", "whole")).is_refusal


def test_an_error_in_the_middle_of_a_stream_is_a_refusal() -> None:
    assert streamed(chat.chunk({"content": "Hi"}) + chat.frame({"error": {"message": "no"}})).is_refusal


def test_a_stream_that_breaks_in_the_middle_says_nothing() -> None:
    assert streamed(chat.chunk({"content": "Hi"}), "broken").is_unclear


def test_a_stream_that_was_left_is_no_failure() -> None:
    seen = streamed(chat.chunk({"content": "Hi"}), "left")
    assert (seen.error, seen.is_left, seen.is_cut, seen.text) == (None, True, True, "Hi")


def test_no_answer_says_nothing() -> None:
    assert failed(GatewayError(ErrorKind.TIMEOUT, "late")).is_unclear


def test_data_that_is_no_json_is_passed_over_when_members_are_looked_for() -> None:
    seen = streamed(b"data: nonsense\n\n" + chat.text_stream("Hi"))
    assert seen.is_refusal
    assert "content" in seen.members


def test_the_last_event_counts_without_its_empty_line() -> None:
    assert streamed(chat.text_stream("Hi").rstrip(b"\n")).said_done
