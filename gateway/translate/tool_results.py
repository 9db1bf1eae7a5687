"""The arguments that a model wrote for a tool, in the form in which the tool's own call item holds them."""

from gateway.codec.json import JSONObject, JSONValue, loads
from gateway.translate.tools import ToolKind


def custom_input(arguments: str) -> str | None:
    """The raw input of a freeform tool, if the finished arguments are an object with one string in it."""
    value = _object(arguments)
    if value is None:
        return None
    if isinstance(text := value.get("input"), str):
        return text
    texts = list(value.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else None


def call_item(kind: ToolKind, base: JSONObject, arguments: str) -> JSONObject:
    """The call item of a built-in client tool.

    A model that breaks the form still gets an answer from its client: what is missing stays empty, and text is
    never guessed into a command.
    """
    value = _object(arguments) or {}
    match kind:
        case ToolKind.TOOL_SEARCH:
            return {**base, "execution": "client", "arguments": value}
        case ToolKind.LOCAL_SHELL:
            action: JSONObject = {"type": "exec", "command": _strings(value.get("command")), "env": {}}
            action |= _known(value, timeout_ms=int, working_directory=str, workdir=str)
            if "workdir" in action:
                action["working_directory"] = action.pop("workdir")
            return {**base, "action": action}
        case ToolKind.SHELL:
            action = {"commands": _strings(value.get("commands")), "timeout_ms": None, "max_output_length": None}
            return {**base, "action": action | _known(value, timeout_ms=int, max_output_length=int)}
        case _:
            return {**base, "operation": _patch_operation(value)}


def _patch_operation(value: JSONObject) -> JSONObject:
    inner = value.get("operation")
    value = inner if isinstance(inner, dict) else value
    kind = value.get("type")
    operation = {"type": kind if kind in ("create_file", "delete_file") else "update_file", "path": "", "diff": ""}
    operation |= _known(value, path=str, diff=str)
    if kind == "delete_file":
        del operation["diff"]
    return operation


def _object(arguments: str) -> JSONObject | None:
    try:
        value = loads(arguments)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _strings(value: JSONValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _known(value: JSONObject, **types: type) -> JSONObject:
    return {name: value[name] for name, expected in types.items() if isinstance(value.get(name), expected)}
