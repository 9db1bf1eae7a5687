"""The input items of a request that this gateway understands, typed.

Words only. Ids, states and markers that mean nothing to a model are left out: unknown members are allowed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.requests import Object, ReasoningOptions, TextOptions

CallId = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1)]


class Message(Struct, frozen=True):
    """Every form of `message`, with or without a type."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Object] | None


class FunctionCall(Struct, frozen=True):
    """`function_call`; some clients replay the arguments as an object or as null."""

    call_id: CallId
    name: Name
    arguments: str | Object | None = None
    namespace: str | None = None


class CustomToolCall(Struct, frozen=True):
    """`custom_tool_call`."""

    call_id: CallId
    name: Name
    input: str
    namespace: str | None = None


class ToolOutput(Struct, frozen=True):
    """`function_call_output` and `custom_tool_call_output`."""

    output: str | list[Object] | None
    call_id: str | None = None


class SummaryText(Struct, frozen=True):
    """One text of a reasoning item."""

    text: str = ""


class Reasoning(Struct, frozen=True):
    """`reasoning`."""

    summary: list[SummaryText] | None = None
    content: list[SummaryText] | None = None
    encrypted_content: str | None = None


class Compaction(Struct, frozen=True):
    """`compaction` and Codex's `context_compaction`."""

    encrypted_content: str = ""


class ItemReference(Struct, frozen=True):
    """`item_reference`."""

    id: str


class AdditionalTools(Struct, frozen=True):
    """`additional_tools`, and the part of `tool_search_output` that declares tools."""

    tools: list[Object] = []


class ConfigurationUpdate(Struct, frozen=True):
    """`configuration_update`."""

    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None


class ToolSearchCall(Struct, frozen=True):
    """`tool_search_call`; a search that a server ran has no call id."""

    arguments: object = None
    call_id: str | None = None


class ToolSearchOutput(Struct, frozen=True):
    """`tool_search_output`."""

    call_id: str | None = None


class LocalShellAction(Struct, frozen=True):
    """What a `local_shell_call` runs."""

    command: list[str]
    env: dict[str, str] | None = None
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellCall(Struct, frozen=True):
    """`local_shell_call`."""

    call_id: CallId
    action: LocalShellAction


class LocalShellOutput(Struct, frozen=True):
    """`local_shell_call_output`: by its type it has only `id`, real clients send `call_id`."""

    output: str
    id: str | None = None
    call_id: str | None = None


class ShellAction(Struct, frozen=True):
    """What a `shell_call` runs."""

    commands: list[str]
    timeout_ms: int | None = None
    max_output_length: int | None = None


class ShellCall(Struct, frozen=True):
    """`shell_call`."""

    call_id: CallId
    action: ShellAction


class ShellOutput(Struct, frozen=True):
    """`shell_call_output`."""

    output: str | list[Object]
    call_id: CallId


class PatchOperation(Struct, frozen=True, omit_defaults=True):
    """What an `apply_patch_call` changes."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str | None = None


class ApplyPatchCall(Struct, frozen=True):
    """`apply_patch_call`."""

    call_id: CallId
    operation: PatchOperation


class ApplyPatchOutput(Struct, frozen=True):
    """`apply_patch_call_output`."""

    call_id: CallId
    status: str = "completed"
    output: str | None = None


class AgentText(Struct, frozen=True):
    """A part of an `agent_message`: text that another agent wrote, in one of two members."""

    text: str | None = None
    encrypted_content: str | None = None


class AgentMessage(Struct, frozen=True):
    """`agent_message`, from Codex: one agent speaks to another."""

    content: list[AgentText]
