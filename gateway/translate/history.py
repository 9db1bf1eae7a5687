"""The input items of a request, read one by one into the few kinds of pieces that a Chat history has.

Which piece belongs to which message is `gateway.translate.messages`. An item that cannot be carried over is
noted as a loss, since clients replay whatever another server once gave them.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from gateway.codec.json import JSONObject, JSONValue, convert, dumps, loads
from gateway.errors import ErrorKind, GatewayError
from gateway.spec import items
from gateway.translate.compaction import SUMMARY_OPENING, SUMMARY_REQUEST, TRIGGER
from gateway.translate.content import Part, Rules, media_of, read_content, text_of
from gateway.translate.input_items import PlacedItem, item_type
from gateway.translate.losses import safe_word
from gateway.translate.sealed import Sealed, SealedReasoning, SealedSummary, decode
from gateway.translate.tool_names import ToolKind, tool_origin
from gateway.translate.tools import ToolSet, loaded_names


class Note(Struct, frozen=True):
    """What the user, or the system or developer, says."""

    parts: list[Part]
    is_system: bool = False


class Said(Struct, frozen=True):
    """What the assistant said."""

    text: str


class Thought(Struct, frozen=True):
    """What the assistant thought, the place of the item, and what only its upstream understands."""

    text: str
    at: str
    opaque: SealedReasoning | None = None


class Call(Struct, frozen=True):
    """A call of a tool, by its name upstream."""

    call_id: str
    name: str
    arguments: str


class Result(Struct, frozen=True):
    """What a tool returned, and the place of the item."""

    call_id: str | None
    parts: list[Part]
    at: str = ""


Piece = Note | Said | Thought | Call | Result


class Reading(Struct, frozen=True):
    """What the reading of items depends on."""

    tools: ToolSet
    rules: Rules


def read_history(items: Sequence[PlacedItem], tools: ToolSet, rules: Rules) -> list[Piece]:
    """Every piece, in order."""
    reading = Reading(tools, rules)
    return [piece for at, item in items for piece in read_item(item, at, reading)]


def read_item(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    """What one item is made of."""
    kind = item_type(item)
    if not isinstance(kind, str):
        raise GatewayError(ErrorKind.INVALID_TYPE, f"Invalid type for '{at}.type': expected str.", f"{at}.type")
    read = _READERS.get(kind)
    if read is None:
        reading.rules.losses.note(at, kind)
        return []
    return read(item, at, reading)


def _message(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    message = convert(item, items.Message, at)
    parts = read_content(message.content, f"{at}.content", reading.rules)
    if message.role != "assistant":
        return [Note(parts, is_system=message.role != "user")] if parts else []
    for media in media_of(parts):
        reading.rules.losses.note(f"{at}.content", media["type"])
    text = text_of(parts)
    return [Said(text)] if text else []


def _reasoning(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    reasoning = convert(item, items.Reasoning, at)
    sealed = _unsealed(reasoning.encrypted_content, reading.rules) if reasoning.encrypted_content else None
    opaque = sealed if isinstance(sealed, SealedReasoning) else None
    if reasoning.encrypted_content and opaque is None:
        reading.rules.losses.note(f"{at}.encrypted_content")
    text = (opaque.text if opaque else "") or _joined(reasoning.content) or _joined(reasoning.summary)
    return [Thought(text, at, opaque)] if text or opaque else []


def _unsealed(token: str, rules: Rules) -> Sealed | None:
    """A token that cannot be opened is foreign, damaged or another owner's: no reason to end a session."""
    return decode(rules.unseal(token)) if rules.unseal is not None else None


def _compaction(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    compaction = convert(item, items.Compaction, at)
    summary = _unsealed(compaction.encrypted_content, reading.rules)
    if not isinstance(summary, SealedSummary):
        reading.rules.losses.note(at, item["type"])
        return []
    return [Note([SUMMARY_OPENING + summary.text])]


def _joined(texts: list[items.SummaryText] | None) -> str:
    return "\n".join(text.text for text in texts or [] if text.text)


def _compaction_trigger(_item: JSONObject, _at: str, _reading: Reading) -> list[Piece]:
    return [Note([SUMMARY_REQUEST])]


def _function_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.FunctionCall, at)
    name = reading.tools.names.name(tool_origin(ToolKind.FUNCTION, call.name, call.namespace))
    return [Call(call.call_id, name, _repaired(call.arguments))]


def _repaired(arguments: JSONValue) -> str:
    """Arguments as a JSON object: upstreams refuse a history that holds anything else, and models do write it."""
    if not isinstance(arguments, str):
        return dumps(arguments or {}).decode()
    if not arguments.strip():
        return "{}"
    try:
        is_object = isinstance(loads(arguments), dict)
    except ValueError:
        is_object = False
    return arguments if is_object else dumps({"arguments": arguments}).decode()


def _custom_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.CustomToolCall, at)
    name = reading.tools.names.name(tool_origin(ToolKind.CUSTOM, call.name, call.namespace))
    return [Call(call.call_id, name, dumps({"input": call.input}).decode())]


def _output(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    output = convert(item, items.ToolOutput, at)
    return [Result(output.call_id, read_content(output.output, f"{at}.output", reading.rules), at)]


def _tool_search_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.ToolSearchCall, at)
    if call.call_id is None:
        reading.rules.losses.note(at, "tool_search_call")  # a server's own search: nobody answers it
        return []
    arguments = call.arguments if isinstance(call.arguments, (str, dict)) else None
    return [_built_in_call(ToolKind.TOOL_SEARCH, call.call_id, _repaired(arguments), reading)]


def _tool_search_output(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    output = convert(item, items.ToolSearchOutput, at)
    if output.call_id is None:
        return []  # its tools are offered like all others
    names = loaded_names(item, reading.tools.names)
    return [Result(output.call_id, [dumps({"loaded_tools": names}).decode()], at)]


def _local_shell_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.LocalShellCall, at)
    action = call.action
    arguments = {
        "command": action.command,
        "workdir": action.working_directory,
        "timeout_ms": action.timeout_ms,
        "env": action.env or None,
        "user": action.user,
    }
    return [_built_in_call(ToolKind.LOCAL_SHELL, call.call_id, _without_none(arguments), reading)]


def _local_shell_output(item: JSONObject, at: str, _reading: Reading) -> list[Piece]:
    output = convert(item, items.LocalShellOutput, at)
    return [Result(output.call_id or output.id, [output.output], at)]


def _shell_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.ShellCall, at)
    action = call.action
    arguments = {
        "commands": action.commands,
        "timeout_ms": action.timeout_ms,
        "max_output_length": action.max_output_length,
    }
    return [_built_in_call(ToolKind.SHELL, call.call_id, _without_none(arguments), reading)]


def _shell_output(item: JSONObject, at: str, _reading: Reading) -> list[Piece]:
    output = convert(item, items.ShellOutput, at)
    text = output.output if isinstance(output.output, str) else dumps(output.output).decode()
    return [Result(output.call_id, [text], at)]


def _apply_patch_call(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    call = convert(item, items.ApplyPatchCall, at)
    operation = call.operation
    change = {"type": operation.type, "path": operation.path, "diff": operation.diff}
    arguments = dumps({"operation": {key: value for key, value in change.items() if value is not None}}).decode()
    return [_built_in_call(ToolKind.APPLY_PATCH, call.call_id, arguments, reading)]


def _apply_patch_output(item: JSONObject, at: str, _reading: Reading) -> list[Piece]:
    output = convert(item, items.ApplyPatchOutput, at)
    return [Result(output.call_id, [_without_none({"status": output.status, "output": output.output})], at)]


def _built_in_call(kind: ToolKind, call_id: str, arguments: str, reading: Reading) -> Call:
    return Call(call_id, reading.tools.names.name(tool_origin(kind, kind.value, None)), arguments)


def _without_none(arguments: JSONObject) -> str:
    return dumps({key: value for key, value in arguments.items() if value is not None}).decode()


def _agent_message(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    """Codex hands a task to another agent in `encrypted_content`: it is the text that the model wrote."""
    message = convert(item, items.AgentMessage, at)
    for index, part in enumerate(message.content):
        if part.text is None and part.encrypted_content is None:
            reading.rules.losses.note(f"{at}.content[{index}]")
    texts = [text for part in message.content if (text := part.text or part.encrypted_content)]
    return [Note(["\n".join(texts)])] if texts else []


def _item_reference(item: JSONObject, at: str, reading: Reading) -> list[Piece]:
    reference = convert(item, items.ItemReference, at)
    if reference.id.startswith("rs_"):
        reading.rules.losses.note(at, "item_reference")  # reasoning is no loss that breaks a conversation
        return []
    raise GatewayError(ErrorKind.ITEM_NOT_FOUND, f"Item with id '{safe_word(reference.id)}' not found.", at)


def _computer(_item: JSONObject, at: str, _reading: Reading) -> list[Piece]:
    message = f"'{at}' belongs to the computer tool, which this gateway does not support."
    raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, f"{at}.type")


def _without_piece(_item: JSONObject, _at: str, _reading: Reading) -> list[Piece]:
    """Read elsewhere: tools with the tools, updates with the options."""
    return []


_READERS: dict[str, Callable[[JSONObject, str, Reading], list[Piece]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "function_call_output": _output,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _output,
    "tool_search_call": _tool_search_call,
    "tool_search_output": _tool_search_output,
    "local_shell_call": _local_shell_call,
    "local_shell_call_output": _local_shell_output,
    "shell_call": _shell_call,
    "shell_call_output": _shell_output,
    "apply_patch_call": _apply_patch_call,
    "apply_patch_call_output": _apply_patch_output,
    "agent_message": _agent_message,
    "compaction": _compaction,
    "context_compaction": _compaction,
    TRIGGER: _compaction_trigger,
    "item_reference": _item_reference,
    "additional_tools": _without_piece,
    "configuration_update": _without_piece,
    "computer_call": _computer,
    "computer_call_output": _computer,
}
