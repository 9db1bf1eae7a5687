"""Wrong types everywhere (B11): whatever stands in a request, it is no fault of the gateway's."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.spec.requests import FIELDS
from tests.fakes import chat
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, Scene, scene
from tests.official import check_error

WRONG: list[JSONValue] = [None, True, 17, -1, 1.5, 10**18, "", "word", [], [[]], [None], {}, {"a": 1}, {"type": 3}]
FULL: JSONObject = {
    "model": "up/model",
    "input": [
        {"role": "system", "content": "Rules."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Hi"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,QQ=="},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}", "id": "fc_1"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "ok"}]},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "c", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "ok"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A", "annotations": []}]},
        {"type": "item_reference", "id": "msg_1"},
    ],
    "instructions": "Be short.",
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}},
        {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "function", "name": "g"}]},
        {"type": "mcp", "server_label": "s", "server_url": "http://s.example"},
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"a": "b"},
    "include": ["reasoning.encrypted_content"],
    "temperature": 1,
    "top_p": 1,
    "max_output_tokens": 10,
    "parallel_tool_calls": True,
    "stream_options": {"include_obfuscation": False},
    "truncation": "auto",
    "user": "u",
    "store": False,
    "stream": False,
}
MUTATIONS = 1500


async def posted(session: aiohttp.ClientSession, place: Scene, request: JSONObject, *, mark: str) -> None:
    """Asks, and holds the answer to what any request may get."""
    async with session.post(f"{place.gateway.base_url}/responses", data=orjson.dumps(request)) as answer:
        body = await answer.read()
        assert answer.status < 500, (mark, body)
        if answer.status >= 400:
            error = orjson.loads(body)
            check_error(error)


@pytest.mark.case("B11")
async def test_b11_a_wrong_type_in_any_field_is_told_with_its_name() -> None:
    async with scene(chat.text_stream("Hi")) as place, aiohttp.ClientSession(headers=place.gateway.headers) as session:
        for name in sorted(FIELDS):
            for value in WRONG:
                request = REQUEST | {"stream": False, name: value}
                async with session.post(f"{place.gateway.base_url}/responses", data=orjson.dumps(request)) as answer:
                    body = await answer.read()
                    assert answer.status < 500, (name, value, body)
                    if answer.status == 400:
                        param = orjson.loads(body)["error"]["param"]
                        assert param is not None, (name, value, body)
                        assert param.startswith(name), (name, value, body)


@pytest.mark.case("B11")
async def test_b11_a_wrong_value_anywhere_inside_is_no_fault_of_the_gateway(figures: Figures) -> None:
    async with scene(chat.text_stream("Hi")) as place, aiohttp.ClientSession(headers=place.gateway.headers) as session:
        await posted(session, place, FULL | {"input": FULL["input"][:-1]}, mark="as it is")
        for number, (path, request) in enumerate(mutations(random.Random(11))):
            await posted(session, place, request, mark=f"{number}: {path}")
        figures.note("B11", "requests without a 5xx", MUTATIONS + len(FIELDS) * len(WRONG), "")


def mutations(chance: random.Random) -> Iterator[tuple[str, JSONObject]]:
    """The full request with one place or a few replaced, removed, doubled or moved."""
    for _ in range(MUTATIONS):
        request = deepcopy(FULL)
        paths = [mutated(request, chance) for _ in range(chance.choice((1, 1, 1, 2, 4)))]
        yield "; ".join(paths), request


def mutated(request: JSONObject, chance: random.Random) -> str:
    """Changes one place, and says which."""
    container, key, path = chance.choice(list(places(request, "")))
    match chance.randrange(5):
        case 0 if isinstance(container, dict):
            del container[key]
        case 1 if isinstance(container, list):
            container.append(deepcopy(container[key]))
        case 2 if isinstance(container, dict):
            container[chance.choice(("type", "content", "role", "id", "name"))] = container[key]
        case _:
            container[key] = deepcopy(chance.choice(WRONG))
    return path


def places(value: JSONValue, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Every member and every element, with what holds it."""
    entries: list[tuple[object, JSONValue]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    for key, inner in entries:
        here = f"{path}.{key}"
        if isinstance(value, dict | list) and here != ".model":
            yield value, key, here
            yield from places(inner, here)
