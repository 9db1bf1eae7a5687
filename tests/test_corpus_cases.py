"""The corpus loads, its naive reader agrees with the written cases, and a wrong answer is not let through."""

import copy
from collections.abc import Callable

import pytest

from gateway.codec.json import JSONObject
from tests.corpus_cases import Case, all_cases, assert_expected, naive_expectation, open_cases, recorded_cases, streams
from tests.fakes.events import FAILURE, USAGE, response

PLAIN = [
    "o01_openai_text",
    "o02_openai_parallel_tools",
    "o05_vllm_reasoning_continuous_usage",
    "o06_sglang_explicit_nulls",
    "o12_deepseek_thinking_tool",
    "o14_openrouter_midstream_error",
    "o35_litellm_midstream_error",
    "o43_done_without_finish",
    "o45_finish_abort",
]
"""Written cases that need nothing beyond the naive reader."""

CALL: JSONObject = {"type": "function_call", "name": "f", "arguments": '{"a": 1}', "call_id": "call_1"}


def case_of(*output: JSONObject, **expected: object) -> Case:
    meaning = {"status": "completed", "incomplete_reason": None, "error": None, "output": list(output), "usage": None}
    return Case(name="made", body=b"", expected=meaning | expected, request={})


def answer_of(*items: JSONObject, status: str = "completed", **members: object) -> JSONObject:
    output = [{"status": "completed", "id": str(number)} | item for number, item in enumerate(items)]
    return response(status, output, **({"usage": USAGE | {"estimated": True}} | members))


def message(text: str, **members: object) -> JSONObject:
    return {"type": "message", "content": [{"type": "output_text", "text": text}]} | members


def test_every_case_is_loaded() -> None:
    assert (len(open_cases()), len(recorded_cases())) == (46, 245)
    assert len({case.name for case in all_cases()}) == len(all_cases())
    assert len(streams()) == 256
    assert all(case.body for case in open_cases() if "empty" not in case.name)


@pytest.mark.parametrize("case", [case for case in open_cases() if case.name in PLAIN], ids=str)
def test_the_naive_reader_agrees_with_the_written_cases(case: Case) -> None:
    naive = naive_expectation(case.body)
    assert naive["status"] == case.expected["status"]
    plain = [
        {key: value for key, value in item.items() if key not in ("status", "optional")} for item in naive["output"]
    ]
    assert plain == case.expected["output"]
    if naive["usage"] is not None:
        assert naive["usage"].items() <= case.expected["usage"].items()


def test_killed_servers_are_expected_to_fail() -> None:
    killed = [case for case in recorded_cases() if "killed" in case.name]
    assert [case.expected["status"] for case in killed] == ["failed", "failed"]


def test_the_right_answer_passes() -> None:
    text = {"type": "message", "text": "Hi"}
    thought = {"type": "reasoning", "text": "Hm."}
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    assert_expected(case_of(thought, text, CALL), answer_of(summary, message("Hi"), CALL))
    assert_expected(case_of(), answer_of(message("")))
    assert_expected(case_of(text | {"match": "strip"}), answer_of(message("\nHi ")))
    assert_expected(case_of(text | {"text_any_of": ["Ho", "Hi"]}), answer_of(message("Hi")))
    assert_expected(case_of(CALL | {"call_id": None}), answer_of(CALL))
    assert_expected(case_of(CALL | {"arguments": '{"a":1}', "arguments_compare": "json"}), answer_of(CALL))
    assert_expected(case_of(text | {"text": "\n", "optional": True}, CALL), answer_of(CALL))
    assert_expected(
        case_of(status="failed", error={"message_contains": "closed"}),
        answer_of(status="failed", error=FAILURE, usage=None),
    )


WRONG: dict[str, Callable[[JSONObject], object]] = {
    "another status": lambda answer: answer.update(status="incomplete"),
    "another reason": lambda answer: answer.update(incomplete_details={"reason": "content_filter"}),
    "an error": lambda answer: answer.update(error=FAILURE),
    "another text": lambda answer: answer["output"][0]["content"][0].update(text="Ho"),
    "no message": lambda answer: answer["output"].pop(0),
    "no call": lambda answer: answer["output"].pop(1),
    "another order": lambda answer: answer["output"].reverse(),
    "another name": lambda answer: answer["output"][1].update(name="g"),
    "other arguments": lambda answer: answer["output"][1].update(arguments="{}"),
    "another call id": lambda answer: answer["output"][1].update(call_id="call_2"),
    "an item too many": lambda answer: answer["output"].append(message("More")),
    "usage that nobody sent": lambda answer: answer.update(usage=USAGE),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_refused(change: Callable[[JSONObject], object]) -> None:
    case = case_of({"type": "message", "text": "Hi"}, CALL)
    answer = copy.deepcopy(answer_of(message("Hi"), CALL))
    assert_expected(case, answer)
    change(answer)
    with pytest.raises(AssertionError):
        assert_expected(case, answer)


def test_counted_usage_must_be_the_upstreams() -> None:
    counted = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7, "cached_tokens": 0, "reasoning_tokens": 1}
    assert_expected(case_of(usage=counted), answer_of(usage=USAGE))
    for wrong in (None, USAGE | {"estimated": True}, USAGE | {"total_tokens": 8}):
        with pytest.raises(AssertionError):
            assert_expected(case_of(usage=counted), answer_of(usage=wrong))
