"""What the demo upstream does for a request."""

import pytest

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.request import read_request
from gateway.demo.script import prompt_tokens, write_script
from gateway.demo.steps import Argue, BreakOff, Fault, OpenCall, Refuse, Say, Script, Silence, Think, token_count

WEATHER: JSONObject = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def script(message: JSONValue, *history: JSONObject, **fields: JSONValue) -> Script:
    body = {"model": "demo", "messages": [{"role": "user", "content": message}, *history], **fields}
    return write_script(read_request(body))


def said(made: Script) -> str:
    return "".join(step.text for step in made.steps if isinstance(step, Say))


def thought(made: Script) -> str:
    return "".join(step.text for step in made.steps if isinstance(step, Think))


def turn(*results: str) -> list[JSONObject]:
    calls = [
        {"id": f"call_{place}", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        for place in range(len(results))
    ]
    answers = [{"role": "tool", "tool_call_id": f"call_{place}", "content": text} for place, text in enumerate(results)]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *answers]


def test_the_usual_answer_quotes_the_user() -> None:
    made = script("Good morning")
    assert "Good morning" in said(made)
    assert made.finish == "stop"


def test_the_same_request_gets_the_same_script() -> None:
    assert script("weather in Paris", tools=[WEATHER]) == script("weather in Paris", tools=[WEATHER])


def test_a_tool_is_called_in_fragments() -> None:
    made = script("weather in Paris", tools=[WEATHER])
    [opening] = [step for step in made.steps if isinstance(step, OpenCall)]
    fragments = [step.text for step in made.steps if isinstance(step, Argue)]
    assert opening.name == "get_weather"
    assert opening.id.startswith("call_")
    assert len(fragments) > 3
    assert json.loads("".join(fragments)) == {"city": "Paris"}
    assert made.finish == "tool_calls"


def test_call_ids_differ_within_and_between_turns() -> None:
    question = "weather in Paris and Rome"
    first = script(question, tools=[WEATHER])
    second = script("Hi", *turn("x"), {"role": "user", "content": question}, tools=[WEATHER])
    ids = [step.id for made in (first, second) for step in made.steps if isinstance(step, OpenCall)]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize("choice", ["auto", "required"])
def test_results_of_tools_are_used(choice: str) -> None:
    made = script("weather in Paris", *turn("18 °C", "rain"), tools=[WEATHER], tool_choice=choice)
    assert "18 °C" in said(made)
    assert "rain" in said(made)
    assert made.finish == "stop"


def test_a_schema_is_answered_with_an_instance() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7}}}
    form = {"type": "json_schema", "json_schema": {"name": "trip", "schema": schema}}
    assert json.loads(said(script("3 days in Rome", response_format=form))) == {"city": "Rome", "days": 3}


def test_json_mode_is_answered_with_an_object() -> None:
    assert json.loads(said(script("slow 1 Hello", response_format={"type": "json_object"})))["answer"] == "Hello"


def test_images_are_mentioned() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert "an image" in said(script([{"type": "text", "text": "What is it?"}, image]))


def test_an_image_from_a_tool_is_mentioned_with_its_result() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = said(script("look", *turn("a picture"), {"role": "user", "content": [image]}))
    assert "a picture" in text
    assert "an image" in text


def test_the_reasoner_thinks_before_it_speaks() -> None:
    made = script("Hello", model="demo-reasoner")
    kinds = [type(step) for step in made.steps]
    assert kinds == sorted(kinds, key=[Think, Say].index)
    assert thought(made)


@pytest.mark.parametrize(("model", "effort", "thinks"), [
    ("demo", None, False),
    ("demo", "none", False),
    ("demo", "minimal", False),
    ("demo", "low", True),
    ("demo", "high", True),
    ("demo-reasoner", "none", False),
    ("demo-reasoner", None, True),
])  # fmt: skip
def test_effort_decides_about_reasoning(model: str, effort: str | None, *, thinks: bool) -> None:
    assert bool(thought(script("Hello", model=model, reasoning_effort=effort))) is thinks


def test_returned_reasoning_is_noticed() -> None:
    earlier = {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}
    made = script("Hello", earlier, {"role": "user", "content": "Go on"}, model="demo-reasoner")
    assert "My earlier thoughts came back" in thought(made)


def test_long_says_exactly_that_many_tokens() -> None:
    assert token_count(script("long 2000", tools=[WEATHER]).steps) == 2000


def test_waiting_and_failing_are_passed_on() -> None:
    made = script("slow 8 fail 429")
    assert (made.wait_seconds, made.failure_status) == (8, 429)


def test_a_pause_falls_in_the_middle() -> None:
    steps = script("pause 3 long 10").steps
    assert steps.index(Silence(3)) == 5
    assert token_count(steps) == 10


def test_a_cut_ends_the_script_in_the_middle() -> None:
    steps = script("long 10 cut").steps
    assert steps[-1] == BreakOff()
    assert token_count(steps) == 5


def test_an_error_ends_the_script_in_the_middle() -> None:
    steps = script("error pause 1 long 10").steps
    assert isinstance(steps[-1], Fault)
    assert steps[-2] == Silence(1)
    assert token_count(steps) == 5


def test_a_refusal_is_no_text() -> None:
    made = script("refuse")
    assert said(made) == ""
    assert all(isinstance(step, Refuse) for step in made.steps)


def test_empty_is_empty_even_for_the_reasoner() -> None:
    assert script("empty", model="demo-reasoner") == Script((), "stop")


def test_the_filter_leaves_some_text() -> None:
    made = script("filter")
    assert said(made)
    assert made.finish == "content_filter"


def test_limits_and_stops_are_kept() -> None:
    assert script("Hello", max_tokens=4).finish == "length"
    assert token_count(script("Hello", max_completion_tokens=4, model="demo-reasoner").steps) == 4
    assert said(script("Hello", stop="Hello")) == ""
    assert said(script("xyz", stop=["xyz", "qq"])).endswith("“")


def test_the_prompt_is_counted_with_its_tools() -> None:
    plain = read_request({"model": "demo", "messages": [{"role": "user", "content": "one two"}]})
    tooled = read_request({"model": "demo", "messages": [{"role": "user", "content": "one two"}], "tools": [WEATHER]})
    assert prompt_tokens(plain) == 6
    assert prompt_tokens(tooled) > 20
