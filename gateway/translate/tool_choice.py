"""Which tools the model may or must call: `tool_choice` in the form of the upstream.

What an upstream does not know is reached by offering fewer tools where that means the same; the rest is a loss.
"""

from msgspec import Struct
from msgspec.structs import replace

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.losses import Losses, safe_word
from gateway.translate.tool_names import ToolKind, tool_origin
from gateway.translate.tools import ToolSet

_MODES = ("auto", "none", "required")


class Choice(Struct, frozen=True):
    """What is sent of the tools.

    Args:
        mode: the upstream's `tool_choice`; nothing to leave it out.
        offered: the names upstream of the tools that are sent.
        forbidden: the tools that the client declared and did not allow.
        features: the types of hosted tools for which the upstream's own feature is asked.
    """

    mode: JSONValue
    offered: tuple[str, ...]
    forbidden: frozenset[str] = frozenset()
    features: tuple[str, ...] = ()


def read_choice(choice: str | JSONObject | None, tools: ToolSet, *, quirks: Quirks, losses: Losses) -> Choice:
    """Raises a `GatewayError` if the choice names no tool that can be called."""
    every = tuple(tools.functions)
    whole = Choice(None, every, features=tuple(tools.features))
    if choice is None:
        return whole
    if isinstance(choice, str):
        return _by_mode(choice, whole, tools, quirks=quirks, losses=losses)
    kind = choice.get("type")
    if kind == "allowed_tools":
        return _allowed(choice, tools, quirks=quirks, losses=losses)
    if isinstance(kind, str) and kind in tools.features:
        losses.note("tool_choice", kind)  # the feature is on, and nothing can make an upstream use it
        return replace(whole, mode="auto" if every and "auto" in quirks.tool_choice else None)
    return _named(_one_name(choice, tools, "tool_choice"), every, quirks=quirks, losses=losses)


def _by_mode(mode: str, choice: Choice, tools: ToolSet, *, quirks: Quirks, losses: Losses) -> Choice:
    if mode not in _MODES:
        raise GatewayError(ErrorKind.INVALID_VALUE, "Invalid value for 'tool_choice'.", "tool_choice")
    if mode == "none":
        choice = replace(choice, features=())
    if mode == "required" and not choice.offered:
        return _required_of_nothing(choice, tools, losses)
    if mode in quirks.tool_choice:
        return replace(choice, mode=mode)
    if mode == "none":
        return replace(choice, offered=())
    if mode == "required":
        losses.note("tool_choice", mode)
        return replace(choice, mode="auto" if "auto" in quirks.tool_choice else None)
    return choice


def _required_of_nothing(choice: Choice, tools: ToolSet, losses: Losses) -> Choice:
    """A call is demanded and there is no tool: refused if it could only have been a hosted one."""
    if tools.hosted and not choice.features:
        message = "'tool_choice' requires a call, and none of the declared tools can be run by this gateway."
        raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, "tool_choice")
    losses.note("tool_choice", "required")
    return choice


def _named(name: str, every: tuple[str, ...], *, quirks: Quirks, losses: Losses) -> Choice:
    if "named" in quirks.tool_choice:
        return Choice({"type": "function", "function": {"name": name}}, every)
    if "required" in quirks.tool_choice:
        return Choice("required", (name,))
    losses.note("tool_choice")
    return Choice("auto" if "auto" in quirks.tool_choice else None, (name,))


def _allowed(choice: JSONObject, tools: ToolSet, *, quirks: Quirks, losses: Losses) -> Choice:
    listed = choice.get("tools")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        message = "Invalid type for 'tool_choice.tools': expected an array of objects."
        raise GatewayError(ErrorKind.INVALID_TYPE, message, "tool_choice.tools")
    allowed = {
        name
        for index, entry in enumerate(listed)
        for name in _allowed_names(entry, tools, f"tool_choice.tools[{index}]", losses)
    }
    offered = tuple(name for name in tools.functions if name in allowed)
    features = tuple(kind for kind in tools.features if any(entry.get("type") == kind for entry in listed))
    limited = Choice(None, offered, frozenset(tools.functions) - allowed, features)
    mode = choice.get("mode") or "auto"
    if mode not in ("auto", "required"):
        raise GatewayError(ErrorKind.INVALID_VALUE, "Invalid value for 'tool_choice.mode'.", "tool_choice.mode")
    return _by_mode(mode, limited, tools, quirks=quirks, losses=losses)


def _allowed_names(entry: JSONObject, tools: ToolSet, at: str, losses: Losses) -> list[str]:
    if entry.get("type") == "namespace":
        wanted = tool_origin(ToolKind.FUNCTION, "", str(entry.get("name"))).namespace
        return [name for name in tools.functions if tools.names.origins[name].namespace == wanted]
    hosted = next((kind for kind in tools.hosted if kind == entry.get("type")), None)
    if hosted is not None:
        losses.note(at, hosted)
        return []
    if entry.get("type") in tools.features:
        return []
    return [_one_name(entry, tools, at)]


def _one_name(entry: JSONObject, tools: ToolSet, at: str) -> str:
    """The name upstream of the tool that the entry means."""
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{at}.type'.", f"{at}.type")
    if kind in ("function", "custom"):
        name = entry.get("name")
        if not isinstance(name, str):
            raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{at}.name'.", f"{at}.name")
        found = _find(name, entry.get("namespace"), tools)
        if found is None:
            raise GatewayError(ErrorKind.INVALID_VALUE, f"'{at}.name' is not among the declared tools.", f"{at}.name")
        return found
    for name in tools.functions:
        if tools.names.origins[name].kind.value == kind:
            return name
    message = f"'{at}' names a tool that this gateway cannot run: '{safe_word(kind)}'."
    raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, at)


def _find(name: str, namespace: object, tools: ToolSet) -> str | None:
    """By namespace and name; without a namespace also by a name that stands in one namespace only."""
    group = namespace if isinstance(namespace, str) else None
    for kind in (ToolKind.FUNCTION, ToolKind.CUSTOM):
        found = tools.names.declared_name(tool_origin(kind, name, group))
        if found is not None:
            return found
    if group is not None:
        return None
    same = [chat for chat in tools.functions if name in (chat, tools.names.origins[chat].name)]
    return same[0] if len(same) == 1 else None
