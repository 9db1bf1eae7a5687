"""The official Node SDK on stored state: continuing, finding again, conversations, and responses in the background."""

import pytest

from gateway.codec.json import JSONObject
from tests.clients.node_scripts import Run
from tests.fakes.chat import call_stream, chunk, ending, text_stream
from tests.fakes.upstream import Script, Step, Upstream

BOTH_WAYS = pytest.mark.parametrize("way", ["whole", "streamed"])
CALLS = ("call_1", "get_weather", '{"city":"Rome"}'), ("call_2", "get_weather", '{"city":"Oslo"}')


def contents(upstream: Upstream) -> list[object]:
    """The contents of the messages that the upstream got last."""
    return [message.get("content") for message in upstream.last.json["messages"]]


def refusal(failure: JSONObject) -> tuple[object, object, object]:
    """What users switch on."""
    return failure["status"], failure["code"], failure["param"]


def slowly(*pieces: str) -> list[Step]:
    """Steps that give the pieces with a pause after each."""
    return [step for piece in pieces for step in (chunk({"content": piece}), 0.02)]


@BOTH_WAYS
async def test_a_loop_with_tools_sends_only_what_is_new(run: Run, upstream: Upstream, way: str) -> None:
    thoughtful = chunk({"reasoning_content": "Hm."}) + call_stream(*CALLS)
    again = call_stream(("call_3", "get_weather", '{"city":"Lima"}'))
    upstream.answer(Script.of(thoughtful), Script.of(again), Script.of(text_stream("All", " sunny.")))
    result = await run("continued.mjs", way)
    assert result["answer"] == "All sunny."
    assert result["previous"] == [None, *result["ids"][:-1]]
    assert result["stored"] == [True, True, True]
    messages = upstream.last.json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "tool"]
    assert [message["content"] for message in messages if message["role"] == "tool"] == [
        "sunny in Rome",
        "sunny in Oslo",
        "sunny in Lima",
    ]
    assert messages[1]["reasoning_content"] == "Hm."
    assert result["unanswered"]["status"] == 400
    assert refusal(result["orphan"])[::2] == (400, "input[0]")
    assert refusal(result["unknown"]) == (400, "previous_response_not_found", "previous_response_id")
    assert len(upstream.received) == 3


async def test_a_response_is_found_again_listed_and_deleted(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(text_stream("One")), Script.of(text_stream("Two")), Script.of(text_stream("Three")))
    result = await run("stored.mjs")
    inputs = ["A", "One", "B0", "B1", "B2", "B3", "B4"]
    assert (result["ascending"], result["descending"]) == (inputs, inputs[::-1])
    assert (result["pages"], result["more"]) == ([["B4", "B3", "B2"], ["B1", "B0", "One"]], [True, True])
    assert refusal(result["wrongLimit"])[::2] == (400, "limit")
    assert (result["same"], result["metadata"]) == ([True, True], {"a": "b"})
    assert (result["referring"], contents(upstream)) == ("completed", ["Two", "C"])
    assert result["cancelled"]["status"] == 400
    assert [failure["name"] for failure in result["gone"]] == [
        "NotFoundError",
        "NotFoundError",
        "BadRequestError",
        "NotFoundError",
    ]
    assert [failure["code"] for failure in result["gone"][2:]] == ["previous_response_not_found", "item_not_found"]


@BOTH_WAYS
async def test_a_conversation_goes_on(run: Run, upstream: Upstream, way: str) -> None:
    upstream.answer(Script.of(text_stream("Hello Ada")), Script.of(text_stream("Ada")))
    result = await run("conversations.mjs", way)
    texts = ["My name is Ada.", "Hi", "Hello Ada", "My name?", "Ada"]
    assert (result["texts"], contents(upstream)) == (texts, texts[:-1])
    assert result["topic"] == ["names", "people", "people"]
    assert (result["found"], result["left"]) == ("Bye", ["Bye", *texts[:0:-1]])
    assert result["deleted"] is True
    assert [failure["name"] for failure in result["gone"]] == ["NotFoundError", "NotFoundError"]


async def test_a_background_response_is_polled_to_its_end(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"content": "Hel"}), 0.5, text_stream("lo")))
    result = await run("background.mjs", "polled")
    assert result == {
        "statuses": ["queued", "in_progress", "completed"],
        "answer": "Hello",
        "unchanged": "completed",
    }


async def test_a_background_response_is_cancelled(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(chunk({"content": "Hel"}), "hang"))
    result = await run("background.mjs", "cancelled")
    assert result == {"asked": "cancelled", "found": "cancelled", "last": "response.incomplete"}
    await upstream.last.wait_until_left()


async def test_a_connection_cut_after_every_event_loses_nothing(run: Run, upstream: Upstream) -> None:
    pieces = [f"{number} " for number in range(12)]
    upstream.answer(Script.of(*slowly(*pieces), ending()))
    result = await run("background.mjs", "cut")
    assert result["numbers"] == list(range(result["connections"]))
    assert (result["answer"], result["last"], result["same"]) == ("".join(pieces), "response.completed", True)
    assert len(upstream.received) == 1


async def test_the_helper_takes_up_a_background_stream(run: Run, upstream: Upstream) -> None:
    upstream.answer(Script.of(*slowly("Hel", "lo"), ending()))
    assert await run("background.mjs", "helper") == {"answer": "Hello", "first": 4}
