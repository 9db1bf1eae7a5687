"""Which tools are called, and with what."""

import pytest

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.request import ChatRequest, Tool, ToolChoice
from gateway.demo.tool_calls import MAX_CALLS, plan_calls


def parameters(*required: str, **properties: JSONValue) -> JSONObject:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
WEATHER = Tool("get_weather", "Get the forecast for a city. Any city.", parameters("city", city=TEXT, unit=TEXT))
TIME = Tool("get_time", "Get the hour of day in a city.", parameters("city", city=TEXT))
ADD = Tool("add", "Sums.", parameters("a", "b", a={"type": "integer"}, b={"type": "number"}))
PATCH = Tool("apply_patch", "Edit files.", parameters("input", input=TEXT))
NOTE = Tool("write_note", "Keep a note.", parameters("input", input=TEXT))
PING = Tool("ping", "", {})


def planned(
    message: str, *tools: Tool, choice: ToolChoice = "auto", parallel: bool = True
) -> list[tuple[str, JSONValue]]:
    request = ChatRequest("demo", [], tools=tools, tool_choice=choice, parallel_tool_calls=parallel)
    return [(call.name, json.loads(call.arguments)) for call in plan_calls(request, message)]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
        ("Call get_time for Rome", [("get_time", {"city": "Rome"})]),
        ("the forecast in Oslo", [("get_weather", {"city": "Oslo"})]),
        ("What hour is it in Oslo", [("get_time", {"city": "Oslo"})]),
        ("add 3 and 4", [("add", {"a": 3, "b": 4})]),
        ("ping", [("ping", {})]),
        ("take a note", [("write_note", {"input": "take a note"})]),
        ("Tell me a joke", []),
        ("", []),
    ],
)
def test_a_mentioned_tool_is_called(message: str, expected: list[tuple[str, JSONObject]]) -> None:
    assert planned(message, WEATHER, TIME, ADD, NOTE, PING) == expected


def test_a_patch_tool_gets_a_patch() -> None:
    [(name, arguments)] = planned("apply a patch", PATCH)
    assert name == "apply_patch"
    assert arguments["input"].startswith("*** Begin Patch\n")


def test_two_tools_are_called_in_parallel() -> None:
    calls = planned("the weather in Paris and the time in Tokyo", WEATHER, TIME)
    assert calls == [("get_weather", {"city": "Paris"}), ("get_time", {"city": "Tokyo"})]


def test_one_tool_is_called_for_each_subject() -> None:
    calls = planned("weather in Paris and Rome", WEATHER, TIME)
    assert calls == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]


def test_without_parallel_calls_there_is_one() -> None:
    assert planned("weather and time in Rome", WEATHER, TIME, parallel=False) == [("get_weather", {"city": "Rome"})]
    assert planned("weather in Paris and Rome", WEATHER, parallel=False) == [("get_weather", {"city": "Paris"})]


def test_the_number_of_calls_is_bounded() -> None:
    cities = ", ".join(f"City{number}" for number in range(20))
    assert len(planned(f"weather in {cities}", WEATHER)) == MAX_CALLS


def test_a_whole_name_counts_more_than_a_word_of_it() -> None:
    assert [name for name, _ in planned("use get_time for the weather", WEATHER, TIME)] == ["get_time"]


def test_none_means_none() -> None:
    assert planned("weather in Paris", WEATHER, choice="none") == []


def test_required_takes_the_mentioned_tool_or_the_first() -> None:
    assert planned("time in Rome", WEATHER, TIME, choice="required") == [("get_time", {"city": "Rome"})]
    assert planned("hello", WEATHER, TIME, choice="required") == [("get_weather", {"city": "Paris"})]


def test_no_tools_no_calls() -> None:
    assert planned("weather") == []
