"""What a model wrote for a tool becomes the form of the tool's own call item, and is never guessed into a command."""

import pytest

from gateway.translate.tool_results import call_item, custom_input
from gateway.translate.tools import ToolKind


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "x"}', "x"),
        ('{"input": "x", "y": "z"}', "x"),
        ('{"patch": "x"}', "x"),
        ('{"a": "x", "b": "y"}', None),
        ('{"a": 1}', None),
        ('"x"', None),
        ("x", None),
        ("", None),
    ],
)
def test_the_input_of_a_freeform_tool(arguments: str, text: str | None) -> None:
    assert custom_input(arguments) == text


@pytest.mark.parametrize(
    ("kind", "arguments", "members"),
    [
        (ToolKind.TOOL_SEARCH, '{"query": "x"}', {"execution": "client", "arguments": {"query": "x"}}),
        (ToolKind.TOOL_SEARCH, "rubbish", {"execution": "client", "arguments": {}}),
        (
            ToolKind.LOCAL_SHELL,
            '{"command": ["ls", "-l"], "workdir": "/a", "timeout_ms": 5}',
            {
                "action": {
                    "type": "exec",
                    "command": ["ls", "-l"],
                    "env": {},
                    "timeout_ms": 5,
                    "working_directory": "/a",
                }
            },
        ),
        (ToolKind.LOCAL_SHELL, "rm -rf /", {"action": {"type": "exec", "command": [], "env": {}}}),
        (
            ToolKind.SHELL,
            '{"commands": "ls", "timeout_ms": "soon"}',
            {"action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None}},
        ),
        (
            ToolKind.APPLY_PATCH,
            '{"operation": {"type": "create_file", "path": "a", "diff": "+x"}}',
            {"operation": {"type": "create_file", "path": "a", "diff": "+x"}},
        ),
        (
            ToolKind.APPLY_PATCH,
            '{"type": "delete_file", "path": "a", "diff": "x"}',
            {"operation": {"type": "delete_file", "path": "a"}},
        ),
        (ToolKind.APPLY_PATCH, "[]", {"operation": {"type": "update_file", "path": "", "diff": ""}}),
    ],
)
def test_the_items_of_built_in_tools(kind: ToolKind, arguments: str, members: dict[str, object]) -> None:
    assert call_item(kind, {"id": "x"}, arguments) == {"id": "x", **members}
