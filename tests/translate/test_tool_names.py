"""Names upstream: safe, unique, and always the same for the same tool."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.translate.tool_names import ToolKind, ToolNames, ToolOrigin, tool_origin

FUNCTION = ToolKind.FUNCTION
SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")
origins = st.builds(
    tool_origin,
    st.sampled_from(ToolKind),
    st.text(max_size=70),
    st.none() | st.sampled_from(["a", "a__b", "é", "functions"]),
)


def test_a_plain_name_stays() -> None:
    assert ToolNames([tool_origin(FUNCTION, "exec-1", None)]).name(tool_origin(FUNCTION, "exec-1", None)) == "exec-1"


def test_a_namespace_is_put_before_the_name() -> None:
    assert ToolNames([]).name(tool_origin(FUNCTION, "read", "mcp__fs")) == "mcp__fs__read"


def test_the_default_namespace_of_codex_is_none() -> None:
    assert (
        tool_origin(FUNCTION, "exec", "functions")
        == tool_origin(FUNCTION, "exec", "")
        == ToolOrigin(FUNCTION, "exec", None)
    )


def test_a_plain_name_wins_over_a_derived_one_in_any_order() -> None:
    derived, plain = tool_origin(FUNCTION, "b", "a"), tool_origin(FUNCTION, "a__b", None)
    for order in ([derived, plain], [plain, derived]):
        names = ToolNames(order)
        assert names.name(plain) == "a__b"
        assert re.fullmatch(r"a__b_[0-9a-f]{8}", names.name(derived))


def test_a_name_that_is_too_long_or_unsafe_gets_a_hash() -> None:
    names = ToolNames([])
    assert re.fullmatch(r"x{55}_[0-9a-f]{8}", names.name(tool_origin(FUNCTION, "x" * 65, None)))
    assert re.fullmatch(r"get_w_tter_[0-9a-f]{8}", names.name(tool_origin(FUNCTION, "get.wätter", None)))
    assert re.fullmatch(r"_[0-9a-f]{8}", names.name(tool_origin(FUNCTION, "", None)))


def test_the_history_may_replay_a_freeform_tool_as_a_function() -> None:
    names = ToolNames([tool_origin(ToolKind.CUSTOM, "apply_patch", None)])
    assert names.name(tool_origin(FUNCTION, "apply_patch", None)) == "apply_patch"
    assert names.origins["apply_patch"].kind is ToolKind.CUSTOM


def test_only_tools_with_a_name_have_a_declared_one() -> None:
    names = ToolNames([tool_origin(FUNCTION, "a", None)])
    assert names.declared_name(tool_origin(FUNCTION, "a", None)) == "a"
    assert names.declared_name(tool_origin(FUNCTION, "b", None)) is None


@given(st.lists(origins, max_size=12), st.lists(origins, max_size=12))
def test_names_are_safe_and_lead_back_to_their_tool(declared: list[ToolOrigin], later: list[ToolOrigin]) -> None:
    names = ToolNames(list(dict.fromkeys(declared)))
    for origin in declared:
        assert SAFE.fullmatch(names.name(origin))
        assert names.origins[names.name(origin)] == origin
    for origin in later:
        found = names.origins[names.name(origin)]
        assert (found.name, found.namespace) == (origin.name, origin.namespace)
