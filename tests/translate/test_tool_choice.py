"""Which tool may or must be called, for upstreams that know all of it and for those that do not."""

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from tests.translate.planning import PLAIN, function, plan_of

GROUP = {"type": "namespace", "name": "n", "tools": [function("c"), function("d")]}
TOOLS = [function("a"), {"type": "custom", "name": "b"}, GROUP, {"type": "apply_patch"}, {"type": "web_search"}]
EVERY = ["a", "b", "n__c", "n__d", "apply_patch"]
A = {"type": "function", "function": {"name": "a"}}


def chosen(choice: JSONValue, quirks: Quirks = PLAIN) -> tuple[JSONValue, list[str]]:
    body = plan_of(tools=TOOLS, tool_choice=choice, quirks=quirks).body
    return body.get("tool_choice"), [tool["function"]["name"] for tool in body.get("tools", [])]


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_a_mode_stays_a_mode(mode: str) -> None:
    assert chosen(mode) == (mode, EVERY)


def test_no_choice_sends_none() -> None:
    assert chosen(None) == (None, EVERY)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"type": "function", "name": "a"}, "a"),
        ({"type": "custom", "name": "b"}, "b"),
        ({"type": "function", "name": "c", "namespace": "n"}, "n__c"),
        ({"type": "function", "name": "c"}, "n__c"),
        ({"type": "function", "name": "n__d"}, "n__d"),
        ({"type": "apply_patch"}, "apply_patch"),
    ],
)
def test_a_forced_tool_is_named_as_it_is_upstream(choice: JSONObject, name: str) -> None:
    assert chosen(choice) == ({"type": "function", "function": {"name": name}}, EVERY)


@pytest.mark.parametrize(
    ("choice", "kind", "param"),
    [
        ("always", ErrorKind.INVALID_VALUE, "tool_choice"),
        ({"type": "web_search"}, ErrorKind.UNSUPPORTED_VALUE, "tool_choice"),
        ({"type": "file_search"}, ErrorKind.UNSUPPORTED_VALUE, "tool_choice"),
        ({"type": "mcp", "server_label": "x"}, ErrorKind.UNSUPPORTED_VALUE, "tool_choice"),
        ({"type": "shell"}, ErrorKind.UNSUPPORTED_VALUE, "tool_choice"),
        ({"type": "programmatic_tool_calling"}, ErrorKind.UNSUPPORTED_VALUE, "tool_choice"),
        ({"type": "function", "name": "zzz"}, ErrorKind.INVALID_VALUE, "tool_choice.name"),
        ({"type": "function", "name": "a", "namespace": "n"}, ErrorKind.INVALID_VALUE, "tool_choice.name"),
        ({"type": "function"}, ErrorKind.MISSING_PARAMETER, "tool_choice.name"),
        ({"name": "a"}, ErrorKind.MISSING_PARAMETER, "tool_choice.type"),
        ({"type": "allowed_tools"}, ErrorKind.INVALID_TYPE, "tool_choice.tools"),
        ({"type": "allowed_tools", "mode": "none", "tools": []}, ErrorKind.INVALID_VALUE, "tool_choice.mode"),
        (
            {"type": "allowed_tools", "tools": [{"type": "function", "name": "zzz"}]},
            ErrorKind.INVALID_VALUE,
            "tool_choice.tools[0].name",
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
            ErrorKind.UNSUPPORTED_VALUE,
            "tool_choice",
        ),
        (1, ErrorKind.INVALID_TYPE, "tool_choice"),
    ],
)
def test_a_choice_that_cannot_be_met_is_refused(choice: JSONValue, kind: ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        chosen(choice)
    assert (caught.value.kind, caught.value.param) == (kind, param)


def test_allowed_tools_are_the_only_ones_sent() -> None:
    listed = [{"type": "function", "name": "a"}, {"type": "namespace", "name": "n"}, {"type": "web_search"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": listed}
    assert chosen(choice) == ("required", ["a", "n__c", "n__d"])
    plan = plan_of(tools=TOOLS, tool_choice=choice)
    assert [plan.tools.is_allowed(name) for name in (*EVERY, "other")] == [True, False, True, True, False, True]
    assert "tool_choice.tools[2]:web_search" in plan.dropped
    assert plan.echo["tool_choice"] == choice


def test_allowed_tools_without_a_mode_leave_the_choice_to_the_model() -> None:
    assert chosen({"type": "allowed_tools", "tools": [{"type": "custom", "name": "b"}]}) == ("auto", ["b"])


def test_a_call_that_only_a_hosted_tool_could_answer_is_refused() -> None:
    with pytest.raises(GatewayError) as caught:
        plan_of(tools=[{"type": "web_search"}], tool_choice="required")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "tool_choice")


def test_a_call_required_of_no_tool_at_all_is_noted() -> None:
    plan = plan_of(tools=[], tool_choice="required")
    assert plan.dropped == ("tool_choice:required",)
    assert "tool_choice" not in plan.body


@pytest.mark.parametrize(
    ("choice", "known", "sent", "loss"),
    [
        ("required", ("auto", "none"), ("auto", EVERY), True),
        ("required", (), (None, EVERY), True),
        ("none", ("auto",), (None, []), False),
        ("auto", (), (None, EVERY), False),
        ({"type": "function", "name": "a"}, ("auto", "required"), ("required", ["a"]), False),
        ({"type": "function", "name": "a"}, ("auto",), ("auto", ["a"]), True),
        ({"type": "function", "name": "a"}, (), (None, ["a"]), True),
        ({"type": "function", "name": "a"}, ("named",), (A, EVERY), False),
    ],
)
def test_an_upstream_that_knows_less_gets_what_comes_closest(
    choice: JSONValue, known: tuple[str, ...], sent: tuple[JSONValue, list[str]], *, loss: bool
) -> None:
    quirks = Quirks(tool_choice=known)  # type: ignore[arg-type]
    assert chosen(choice, quirks) == sent
    dropped = plan_of(tools=TOOLS, tool_choice=choice, quirks=quirks).dropped
    assert any(entry.startswith("tool_choice") for entry in dropped) is loss
