"""Fragments of calls, cut and numbered as real servers do it, become whole calls one after the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.json import JSONObject, JSONValue
from gateway.translate.signals import CallArguments, CallStart
from gateway.translate.tool_fragments import ToolFragments


def fragment(
    index: int | None = None, call_id: JSONValue = None, name: JSONValue = None, arguments: JSONValue = None
) -> JSONObject:
    value: JSONObject = {"id": call_id, "function": {"name": name, "arguments": arguments}}
    return value if index is None else {**value, "index": index}


def calls_of(*fragments: JSONValue, is_whole: bool = True) -> list[tuple[str, str, str]]:
    """Each call as (id, name, arguments), after checking that the signals come one call after the other."""
    collector = ToolFragments()
    signals = [signal for one in fragments for signal in collector.feed(one)] + collector.finish(is_whole=is_whole)
    calls: list[tuple[str, str, str]] = []
    for signal in signals:
        match signal:
            case CallStart(call_id, name):
                calls.append((call_id, name, ""))
            case CallArguments(piece):
                call_id, name, arguments = calls.pop()
                calls.append((call_id, name, arguments + piece))
            case _:
                pytest.fail(f"no signal of a call: {signal}")
    return calls


CASES: dict[str, tuple[list[JSONValue], list[tuple[str, str, str]]]] = {
    "id and name first, then pieces": (
        [fragment(0, "a", "f", ""), fragment(0, None, None, '{"x"'), fragment(0, arguments=":1}")],
        [("a", "f", '{"x":1}')],
    ),
    "a whole call in one fragment": ([fragment(0, "a", "f", "{}")], [("a", "f", "{}")]),
    "two calls by index": (
        [fragment(0, "a", "f", "{}"), fragment(1, "b", "g", "{}")],
        [("a", "f", "{}"), ("b", "g", "{}")],
    ),
    "every call has the index 0": (
        [fragment(0, "a", "f", "{}"), fragment(0, "b", "f", '{"x":1}')],
        [("a", "f", "{}"), ("b", "f", '{"x":1}')],
    ),
    "continuations have an empty id": (
        [fragment(0, "a", "f", '{"x":'), fragment(0, "", None, "1}"), fragment(1, "b", "g", "{}")],
        [("a", "f", '{"x":1}'), ("b", "g", "{}")],
    ),
    "name and id are repeated": (
        [fragment(0, "a", "f", '{"x":'), fragment(0, "a", "f", "1}")],
        [("a", "f", '{"x":1}')],
    ),
    "a name in two pieces": ([fragment(0, "a", "get_"), fragment(0, None, "time", "{}")], [("a", "get_time", "{}")]),
    "no index, new id": (
        [fragment(None, "a", "f", "{}"), fragment(None, "b", "f", "{}")],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    "no index, no id": (
        [fragment(None, None, "f", '{"x":'), fragment(None, None, None, "1}"), fragment(None, None, "g", "{}")],
        [("", "f", '{"x":1}'), ("", "g", "{}")],
    ),
    "no index, id of an earlier call": (
        [fragment(None, "a", "f", '{"x":'), fragment(None, "b", "g", "{}"), fragment(None, "a", None, "1}")],
        [("a", "f", '{"x":1}'), ("b", "g", "{}")],
    ),
    "an unused index continues the call that has its id": (
        [fragment(0, "a", "f", '{"x":'), fragment(1, "a", None, "1}")],
        [("a", "f", '{"x":1}')],
    ),
    "the id comes later": ([fragment(0, None, "f"), fragment(0, "a", None, "{}")], [("a", "f", "{}")]),
    "interleaved calls": (
        [
            fragment(0, "a", "f", '{"x'),
            fragment(1, "b", "g", '{"y'),
            fragment(0, arguments='":1}'),
            fragment(1, arguments='":2}'),
        ],
        [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')],
    ),
    "a call without arguments, then another": (
        [fragment(0, "a", "f", ""), fragment(1, "b", "g", '{"y":2}')],
        [("a", "f", ""), ("b", "g", '{"y":2}')],
    ),
    "arguments as an object": ([fragment(0, "a", "f", {"x": [1]})], [("a", "f", '{"x":[1]}')]),
    "white space is no arguments": ([fragment(0, "a", "f", " \n")], [("a", "f", "")]),
    "half a surrogate pair": ([fragment(0, "a", "f", '{"x":"\ud83d"}')], [("a", "f", '{"x":"\ufffd"}')]),
    "nothing usable": ([None, "x", {}, {"function": None}, {"index": 3}], []),
    "arguments without a name": ([fragment(0, "a", None, "{}")], []),
}


@pytest.mark.parametrize("name", CASES)
def test_fragments_become_calls(name: str) -> None:
    fragments, expected = CASES[name]
    assert calls_of(*fragments) == expected


def test_a_call_is_announced_with_its_first_arguments() -> None:
    collector = ToolFragments()
    assert collector.feed(fragment(0, "a", "f", "")) == []
    assert collector.feed(fragment(0, None, None, "{")) == [CallStart("a", "f"), CallArguments("{")]
    assert collector.feed(fragment(0, None, None, "}")) == [CallArguments("}")]


def test_calls_that_still_wait_are_dropped_when_the_answer_is_not_whole() -> None:
    fragments = [fragment(0, "a", "f", '{"x'), fragment(1, "b", "g", "{}")]
    assert calls_of(*fragments, is_whole=False) == [("a", "f", '{"x')]


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=3), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_any_interleaving_gives_each_call_its_own_arguments(
    values: list[dict[str, str]], random: st.DataObject
) -> None:
    import json

    queues = [[fragment(i, f"id{i}", f"f{i}", "")] for i in range(len(values))]
    for i, value in enumerate(values):
        text = json.dumps(value)
        queues[i] += [fragment(i, None, None, text[at : at + 3]) for at in range(0, len(text), 3)]
    starts = [queue.pop(0) for queue in queues]
    rest: list[JSONValue] = []
    while any(queues):
        rest.append(random.choice([queue for queue in queues if queue]).pop(0))  # type: ignore[attr-defined]
    expected = [(f"id{i}", f"f{i}", json.dumps(value)) for i, value in enumerate(values)]
    assert calls_of(*starts, *rest) == expected
