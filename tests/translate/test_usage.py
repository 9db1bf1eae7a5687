"""Usage is found wherever an upstream puts it."""

import pytest

from gateway.codec.json import JSONObject
from gateway.translate.signals import Usage
from gateway.translate.usage import estimate, read_usage, usage_object

COUNTS = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.mark.parametrize(
    ("chunk", "usage"),
    [
        ({"usage": COUNTS}, Usage(7, 3, 10)),
        ({"usage": None, "x_groq": {"usage": COUNTS}}, Usage(7, 3, 10)),
        ({"choices": [{"usage": COUNTS}]}, Usage(7, 3, 10)),
        ({"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, Usage(7, 3, 10)),
        ({"usage": {**COUNTS, "prompt_tokens_details": {"cached_tokens": 4}}}, Usage(7, 3, 10, cached_tokens=4)),
        ({"usage": {**COUNTS, "prompt_cache_hit_tokens": 4}}, Usage(7, 3, 10, cached_tokens=4)),
        ({"usage": {**COUNTS, "cached_tokens": 4}}, Usage(7, 3, 10, cached_tokens=4)),
        (
            {"usage": {**COUNTS, "completion_tokens_details": {"reasoning_tokens": 2}}},
            Usage(7, 3, 10, reasoning_tokens=2),
        ),
        ({"usage": {**COUNTS, "reasoning_tokens": 2}}, Usage(7, 3, 10, reasoning_tokens=2)),
        ({"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 50}}, Usage(7, 43, 50)),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, None),
        ({"usage": {"prompt_tokens": "7", "completion_tokens": True}}, None),
        ({"usage": {}}, None),
        ({"usage": "x", "x_groq": "y", "choices": ["z"]}, None),
        ({}, None),
    ],
)
def test_usage_is_read(chunk: JSONObject, usage: Usage | None) -> None:
    assert read_usage(chunk) == usage


def test_the_object_has_both_details() -> None:
    assert usage_object(Usage(7, 3, 10, 4, 2)) == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 10,
    }


def test_an_estimate_is_rounded_up_and_marked() -> None:
    assert estimate(9, 1) == Usage(3, 1, 4, estimated=True)
    assert usage_object(estimate(9, 1))["estimated"] is True
