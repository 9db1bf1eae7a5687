"""The tools of a request for an upstream that speaks Responses: they pass as they are.

Types that the server refuses become functions where the client runs the tool, as they do for Chat Completions; those
that only a service runs are left out and noted as a loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.losses import Losses, safe_word
from gateway.translate.tool_names import ToolKind, tool_origin
from gateway.translate.tools import ToolSet, loaded_names

_MODES = ("auto", "none", "required")
_BUILT_IN = {kind.value for kind in ToolKind} - {"function", "custom"}


@dataclass(frozen=True, slots=True)
class NativeTools:
    """What the passing of tools depends on.

    Args:
        refused: types that the server refuses, as shell patterns.
        every: all tools of the request as functions, with the names that they would have.
        losses: where what is left out is noted.
    """

    refused: Sequence[str]
    every: ToolSet
    losses: Losses

    def refuses(self, kind: JSONValue) -> bool:
        """Whether the server refuses this type."""
        return any(fnmatchcase(str(kind), pattern) for pattern in self.refused)

    def offered(self, tools: list[JSONObject], at: str) -> list[JSONObject]:
        """The tools as they are sent; `at` is the place of the list."""
        found: list[JSONObject] = []
        for index, tool in enumerate(tools):
            if not self._must_change(tool):
                found.append(tool)
                continue
            names = self._names(tool)
            if not names or (tool.get("type") == "custom" and "definition" in (tool.get("format") or {})):
                self.losses.note(f"{at}[{index}]", str(tool.get("type")))
            found += [_flat(self.every.functions[name]) for name in names]
        return found

    def choice(self, choice: JSONValue, offered: Sequence[JSONObject]) -> JSONValue:
        """`tool_choice` for these tools.

        Raises:
            GatewayError: when it demands a tool that cannot be sent.
        """
        if choice is None or isinstance(choice, str):
            return self._mode(choice, offered)
        if choice.get("type") != "allowed_tools":
            entry = self._entry(choice)
            if entry is None or not offered:
                raise _not_there("tool_choice", str(choice.get("type")))
            return entry
        if self.refuses("allowed_tools"):
            self.losses.note("tool_choice", "allowed_tools")
            return self._mode(choice.get("mode"), offered)
        return {**choice, "tools": self._entries(choice.get("tools"))} if offered else None

    def _mode(self, mode: JSONValue, offered: Sequence[JSONObject]) -> JSONValue:
        if mode is not None and mode not in _MODES:
            raise GatewayError(ErrorKind.INVALID_VALUE, "Invalid value for 'tool_choice'.", "tool_choice")
        if mode == "required" and not offered:
            raise _not_there("tool_choice", "required")
        return mode if offered else None

    def _entries(self, entries: JSONValue) -> list[JSONObject]:
        found: list[JSONObject] = []
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            sent = self._entry(entry) if isinstance(entry, dict) else None
            if sent is None:
                self.losses.note(f"tool_choice.tools[{index}]")
            else:
                found.append(sent)
        return found

    def _entry(self, entry: JSONObject) -> JSONObject | None:
        """The tool that an entry means, under the name that it has now; None if it cannot be sent."""
        kind, namespace = str(entry.get("type")), entry.get("namespace")
        if not self.refuses(kind) and not (namespace and self.refuses("namespace")):
            return entry
        wanted = kind if kind in _BUILT_IN else str(entry.get("name"))
        if kind not in {one.value for one in ToolKind}:
            return None
        origin = tool_origin(ToolKind(kind), wanted, namespace if isinstance(namespace, str) else None)
        name = self.every.names.declared_name(origin)
        return None if name is None else {"type": "function", "name": name}

    def _must_change(self, tool: JSONObject) -> bool:
        if tool.get("type") != "namespace":
            return self.refuses(tool.get("type"))
        return any(self.refuses(kind) for kind in ("namespace", *(child.get("type") for child in tool["tools"])))

    def _names(self, tool: JSONObject) -> list[str]:
        """The names of the functions that stand for a tool; none for one that only a service runs."""
        kind = tool.get("type")
        if kind in _BUILT_IN:
            names = [self.every.names.name(tool_origin(ToolKind(kind), str(kind), None))]
        else:
            names = loaded_names({"tools": [tool]}, self.every.names)
        return [name for name in names if name in self.every.functions]


def _flat(tool: JSONObject) -> JSONObject:
    """A function in the form of the Responses API, which takes one that does not say otherwise for strict."""
    return {"type": "function", "strict": False, **tool["function"]}


def _not_there(param: str, kind: str) -> GatewayError:
    message = f"'{param}' demands a tool that is not there or that the upstream refuses: '{safe_word(kind)}'."
    return GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, param)
