"""What real clients send: every recorded request of every client is planned, and its order of messages holds."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.codec.json import JSONObject, JSONValue, dumps, loads, parse_body
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.request import plan, read_request
from gateway.translate.tools import ToolKind, ToolOrigin
from tests.translate.planning import check_order

FOLDER = Path(__file__).parents[1] / "clients" / "recorded"

REFUSED = {
    # References to stored items, which need a store, and PDF files, which no Chat server reads.
    ("vercel-openai-tool.json", 1): (ErrorKind.ITEM_NOT_FOUND, "input[2]"),
    ("vercel-openai-tool-stream.json", 1): (ErrorKind.ITEM_NOT_FOUND, "input[2]"),
    ("vercel-openai-image-file.json", 0): (ErrorKind.UNSUPPORTED_VALUE, "input[1].content[2].file_data"),
    ("vercel-open-responses-image-file.json", 0): (ErrorKind.UNSUPPORTED_VALUE, "input[0].content[2].file_data"),
    ("agents-py-session-image-file.json", 1): (ErrorKind.UNSUPPORTED_VALUE, "input[2].content[2].file_data"),
}

RECORDED = [
    (path.name, index)
    for path in sorted(FOLDER.glob("*.json"))
    for index, request in enumerate(loads(path.read_bytes())["requests"])
    if request["body"] is not None
]


def recorded(name: str, index: int) -> JSONObject:
    body: JSONObject = loads((FOLDER / name).read_bytes())["requests"][index]["body"]
    return body


def named(name: str, index: int) -> JSONObject:
    return parse_body(dumps(recorded(name, index)), max_depth=100, max_containers=200_000)


@pytest.mark.parametrize("system_mode", ["merge_first", "keep"])
@pytest.mark.parametrize(("name", "index"), RECORDED)
def test_a_recorded_request_is_planned(name: str, index: int, system_mode: str) -> None:
    request = read_request(named(name, index))
    quirks = Quirks(system_mode=system_mode)  # type: ignore[arg-type]
    if (name, index) in REFUSED:
        with pytest.raises(GatewayError) as caught:
            plan(request, model="m", quirks=quirks, strict=False)
        assert (caught.value.kind, caught.value.param) == REFUSED[name, index]
        return
    sent = plan(request, model="m", quirks=quirks, strict=False)
    check_order(sent.body["messages"])
    dumps(sent.body)
    dumps(sent.echo)
    for call in (call for message in sent.body["messages"] for call in message.get("tool_calls", [])):
        assert isinstance(loads(call["function"]["arguments"]), dict)


def places(value: JSONValue, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value inside the body."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [path for key, inner in members for path in places(inner, (*at, key))]


SMALL = {(name, index): len(dumps(recorded(name, index))) for name, index in RECORDED}
JUNK: list[JSONValue] = [None, 1, -1, 1.5, "", "x", True, [], [1], [{}], ["x"], {}, {"type": "function"}, {"type": []}]


@settings(max_examples=300)
@given(st.sampled_from([key for key, size in SMALL.items() if size < 20_000]), st.data())
def test_a_damaged_request_is_planned_or_refused_with_its_place(key: tuple[str, int], data: st.DataObject) -> None:
    body = recorded(*key)
    *way, last = data.draw(st.sampled_from(places(body)))
    inner: JSONValue = body
    for step in way:
        inner = inner[step]
    inner[last] = data.draw(st.sampled_from(JUNK))
    strict = data.draw(st.booleans())
    place, messages = planned_or_refused(body, strict=strict)
    assert (place is None) == bool(messages)
    check_order(messages)


def planned_or_refused(body: JSONObject, *, strict: bool) -> tuple[str | None, list[JSONObject]]:
    try:
        return None, plan(read_request(body), model="m", quirks=Quirks(), strict=strict).body["messages"]
    except GatewayError as error:
        return error.param, []


def test_the_recordings_are_there() -> None:
    assert len(RECORDED) > 100


def test_the_freeform_and_namespaced_tools_of_codex_come_back_as_it_knows_them() -> None:
    sent = plan(read_request(named("codex-0.169-apply-patch.json", 1)), model="m", quirks=Quirks(), strict=False)
    assert sent.tools.origin("apply_patch") == ToolOrigin(ToolKind.CUSTOM, "apply_patch", None)
    sent = plan(read_request(named("codex-0.169-mcp-namespace.json", 0)), model="m", quirks=Quirks(), strict=False)
    spaces = {sent.tools.origin(tool["function"]["name"]).namespace for tool in sent.body["tools"]}
    assert {None, "multi_agent_v1"} < spaces
    assert any(space and space.startswith("mcp__") for space in spaces)


def test_the_tools_that_codex_found_by_search_are_offered_from_then_on() -> None:
    sent = plan(read_request(named("codex-0.169-tool-search.json", 1)), model="m", quirks=Quirks(), strict=False)
    offered = [tool["function"]["name"] for tool in sent.body["tools"]]
    assert "multi_agent_v1__spawn_agent" in offered
    assert "multi_agent_v1__spawn_agent" in sent.body["messages"][-1]["content"]


def test_the_light_models_of_codex_have_their_tools_in_the_input() -> None:
    sent = plan(read_request(named("codex-0.169-multi-agent-v2.json", 0)), model="m", quirks=Quirks(), strict=False)
    offered = [tool["function"]["name"] for tool in sent.body["tools"]]
    assert "exec" in offered
    assert '"encrypted":true' not in dumps(sent.body["tools"]).decode()


def test_the_task_of_a_sub_agent_reaches_its_model() -> None:
    sent = plan(read_request(named("codex-0.169-multi-agent-v2.json", 2)), model="m", quirks=Quirks(), strict=False)
    assert "SUBTASK-PROMPT do it" in sent.body["messages"][-1]["content"]
