"""The echo: every member that clients check, with the values they accept."""

from gateway.codec.json import JSONObject
from tests.official import check_response
from tests.translate.planning import function, plan_of

REST = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "completed_at": 1,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "output": [],
    "usage": {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    },
}


def test_the_smallest_request_has_every_member_at_its_default() -> None:
    echo = plan_of().echo
    check_response({**REST, **echo})
    assert echo == {
        "background": False,
        "frequency_penalty": 0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": "up/m",
        "parallel_tool_calls": True,
        "presence_penalty": 0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


def test_what_was_asked_for_is_repeated() -> None:
    sent: JSONObject = {
        "instructions": "i",
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "metadata": {"a": "b"},
        "model": "alias",
        "parallel_tool_calls": False,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "temperature": 0.0,
        "tool_choice": {"type": "function", "name": "f"},
        "top_logprobs": 2,
        "top_p": 0.0,
        "truncation": "auto",
        "user": "u",
    }
    echo = plan_of(tools=[function("f", strict=True)], **sent).echo
    check_response({**REST, **echo})
    assert {key: echo[key] for key in sent} == sent


def test_a_schema_is_repeated_with_all_its_members() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    echo = plan_of(text={"format": schema}).echo
    check_response({**REST, **echo})
    assert echo["text"]["format"] == schema | {"description": None, "strict": False}


def test_the_old_name_of_the_summary_is_understood() -> None:
    assert plan_of(reasoning={"generate_summary": "concise"}).echo["reasoning"]["summary"] == "concise"


def test_what_is_not_done_is_echoed_as_not_done() -> None:
    echo = plan_of(store=True, background=True, previous_response_id="resp_0", service_tier="flex").echo
    assert (echo["store"], echo["background"], echo["previous_response_id"]) == (False, False, None)
    assert echo["service_tier"] == "default"
