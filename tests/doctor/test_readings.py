import pytest

from gateway.doctor import readings
from gateway.doctor.findings import Reading
from gateway.doctor.observation import Call, Observation
from gateway.doctor.readings import Read
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.signals import Outcome, Usage

REFUSED = Observation(400, GatewayError(ErrorKind.UPSTREAM_REJECTED, "no\n  way", is_reported=True))
LIMITED = Observation(429, GatewayError(ErrorKind.RATE_LIMITED, "later", is_reported=True))
EVERY = [
    readings.accepted,
    readings.taken,
    readings.streams,
    readings.usage,
    readings.reasoning,
    readings.limits(6),
    readings.calls(),
    readings.parallel,
    readings.no_calls,
    readings.json_schema,
    readings.json_object,
    readings.image,
    readings.unknown("x"),
    readings.overflow,
]


def said(text: str = "", *, is_cut: bool = False, calls: tuple[str, ...] = ()) -> Observation:
    outcome = Outcome.MAX_OUTPUT_TOKENS if is_cut else Outcome.COMPLETED
    return Observation(200, text=text, outcome=outcome, calls=tuple(Call(name, "{}") for name in calls))


@pytest.mark.parametrize("read", EVERY)
def test_a_refusal_is_one_whatever_was_asked(read: Read) -> None:
    assert read(REFUSED) == Reading("refused", "status 400: no way")


@pytest.mark.parametrize("read", EVERY)
def test_what_says_nothing_stays_unclear_whatever_was_asked(read: Read) -> None:
    assert read(LIMITED) == Reading("unclear", "status 429: later")


@pytest.mark.parametrize(
    ("read", "seen", "expected"),
    [
        (readings.accepted, said("Hi"), "yes"),
        (readings.accepted, said(), "unclear"),
        (readings.taken, said("Hi"), "taken"),
        (readings.streams, said("Hi"), "ignored"),
        (readings.usage, said("Hi"), "ignored"),
        (readings.limits(6), said("1, 2", is_cut=True), "yes"),
        (readings.limits(6), said("Count what?"), "unclear"),
        (readings.limits(6), said("1, 2, 3" * 100), "ignored"),
        (readings.limits(6), Observation(200, text="1", is_left=True), "ignored"),
        (readings.calls(), said(calls=("f",)), "yes"),
        (readings.calls(1, "g"), said(calls=("f",)), "ignored"),
        (readings.calls(), said("<tool_call>{}"), "ignored"),
        (readings.calls(), said("Well", is_cut=True), "unclear"),
        (readings.calls(), said("Sunny"), "ignored"),
        (readings.parallel, said(calls=("f", "g")), "yes"),
        (readings.parallel, said(calls=("f",)), "no"),
        (readings.parallel, said("Sunny"), "ignored"),
        (readings.no_calls, said("Sunny"), "yes"),
        (readings.no_calls, said(calls=("f",)), "ignored"),
        (readings.no_calls, said("[TOOL_CALLS]"), "ignored"),
        (readings.json_schema, said('<think>hm</think> {"verdict": "bad"}'), "yes"),
        (readings.json_schema, said('{"name": "Ada"}'), "ignored"),
        (readings.json_schema, said("{", is_cut=True), "unclear"),
        (readings.json_object, said("{}"), "yes"),
        (readings.json_object, said("```json\n{}\n```"), "ignored"),
        (readings.image, said("It is Red."), "yes"),
        (readings.image, said("I cannot see what was shared."), "unclear"),
        (readings.unknown("x"), said("Hi"), "ignored"),
        (readings.overflow, said("Hi"), "ignored"),
    ],
)
def test_what_an_answer_means(read: Read, seen: Observation, expected: str) -> None:
    assert read(seen).verdict == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Observation(200, text="4", members=frozenset({"reasoning", "content"})), ("yes", "reasoning")),
        (Observation(200, text="4", members=frozenset({"thinking", "content"})), ("yes", "thinking_parts")),
        (said("\n<think>2+2</think>4"), ("yes", "auto")),
        (said("2+2</think>4"), ("yes", "implicit_open")),
        (said("4"), ("no", "")),
        (Observation(200, text="4", usage=Usage(1, 9, 10, 0, 8)), ("no", "")),
    ],
)
def test_where_the_reasoning_is(seen: Observation, expected: tuple[str, str]) -> None:
    reading = readings.reasoning(seen)
    assert (reading.verdict, reading.value) == expected


def test_hidden_reasoning_is_told_by_its_tokens() -> None:
    seen = Observation(200, text="4", usage=Usage(1, 9, 10, 0, 8))
    assert readings.reasoning(seen).detail == "hidden: 8 tokens of it are counted"


def test_a_prompt_that_is_too_long_is_recognised_or_not() -> None:
    known = Observation(400, GatewayError(ErrorKind.CONTEXT_LENGTH, "too long", is_reported=True))
    assert readings.overflow(known) == Reading("refused", "recognised as such: too long")
    assert readings.overflow(REFUSED).detail == "status 400: no way"


def test_a_long_message_is_shortened() -> None:
    long = Observation(400, GatewayError(ErrorKind.UPSTREAM_REJECTED, "x" * 1000, is_reported=True))
    assert len(readings.accepted(long).detail) < 200
