"""The tools of a request: what the client declared, wherever it did, becomes functions of the upstream.

Tools that only a hosted service can run are left out and noted as a loss, if the upstream has no feature for them.
Which of the tools may be called is `gateway.translate.tool_choice`.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from gateway.codec.json import JSONObject, convert
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.spec.items import AdditionalTools
from gateway.spec.tools import CustomTool, FunctionTool, InputFormat, Namespace, ShellTool, ToolSearch
from gateway.translate import schemas
from gateway.translate.hosted_tools import HostedTools, feature_members, unsent_options
from gateway.translate.input_items import PlacedItem
from gateway.translate.losses import Losses, safe_word
from gateway.translate.tool_names import ToolKind, ToolNames, ToolOrigin, tool_origin

__all__ = ["ToolKind", "ToolMap", "ToolOrigin", "ToolSet", "echoed_tools", "loaded_names", "read_tools"]

_LOADING_ITEMS = ("additional_tools", "tool_search_output")


class ToolMap(Struct, frozen=True):
    """The way back from a name upstream to the tool that the client declared."""

    origins: dict[str, ToolOrigin] = field(default_factory=dict)
    forbidden: frozenset[str] = frozenset()

    def origin(self, chat_name: str) -> ToolOrigin:
        """The tool that was meant; a name nobody declared is a function of that name."""
        return self.origins.get(chat_name) or ToolOrigin(ToolKind.FUNCTION, chat_name, None)

    def is_allowed(self, chat_name: str) -> bool:
        """False for a tool that is declared but not among `tool_choice.tools`."""
        return chat_name not in self.forbidden


NO_TOOLS = ToolMap()
"""Of a request without tools."""


class Declared(Struct, frozen=True):
    """One tool that can be offered upstream."""

    origin: ToolOrigin
    description: str | None
    parameters: JSONObject
    strict: bool | None = None


class ToolSet(Struct, frozen=True):
    """Every tool of a request.

    Args:
        names: gives names upstream, also to tools that only the history mentions.
        functions: the tools as the upstream takes them, by their names upstream.
        hosted: the types that were declared and cannot be run.
        features: those that the upstream has a feature for, with the members that ask for it.
    """

    names: ToolNames
    functions: dict[str, JSONObject]
    hosted: frozenset[str]
    features: dict[str, JSONObject] = field(default_factory=dict)


def read_tools(
    tools: list[JSONObject],
    items: Sequence[PlacedItem],
    *,
    quirks: Quirks,
    losses: Losses,
    hosted_tools: HostedTools | None = None,
) -> ToolSet:
    """The tools of `tools` and those that items of the history add."""
    loading = [(at, item) for at, item in items if item.get("type") in _LOADING_ITEMS]
    if not tools and not loading:
        return ToolSet(ToolNames([]), {}, frozenset())
    reader = _Reader(losses, keeps_strict=quirks.strict_tools == "send", hosted_tools=hosted_tools or {})
    reader.read(tools, "tools")
    for at, item in loading:
        reader.read(_loaded(item, at), f"{at}.tools")
    names = ToolNames(list(reader.declared))
    functions = {names.name(origin): _function(names.name(origin), tool) for origin, tool in reader.declared.items()}
    return ToolSet(names, functions, frozenset(reader.hosted), reader.features)


def loaded_names(item: JSONObject, names: ToolNames) -> list[str]:
    """The names upstream of the tools that a `tool_search_output` has loaded."""
    return [names.name(origin) for origin in _origins(item.get("tools") or [], None)]


def echoed_tools(tools: list[JSONObject] | None) -> list[JSONObject]:
    """The tools as the Response repeats them: a function has all five members, others are as they came."""
    return [_echo(tool) for tool in tools or []]


def _echo(tool: JSONObject) -> JSONObject:
    if tool.get("type") == "function":
        return {"type": "function"} | {key: tool.get(key) for key in ("name", "description", "parameters", "strict")}
    # The client's own credentials for an MCP server have no business in an answer or in a store.
    return {key: value for key, value in tool.items() if key not in ("authorization", "headers")}


def _loaded(item: JSONObject, at: str) -> list[JSONObject]:
    return convert(item, AdditionalTools, at).tools


def _origins(tools: list[JSONObject], namespace: str | None) -> Iterator[ToolOrigin]:
    for tool in tools:
        match tool.get("type"):
            case "namespace":
                yield from _origins(tool.get("tools") or [], str(tool.get("name")))
            case "function" | "custom" as kind:
                yield tool_origin(ToolKind(kind), str(tool.get("name")), namespace)
            case _:
                continue


def _function(name: str, tool: Declared) -> JSONObject:
    function: JSONObject = {"name": name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters  # after the description: templates print it as it comes
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


class _Reader:
    """Reads lists of declarations; a tool declared twice counts once, as it was declared last."""

    def __init__(self, losses: Losses, *, keeps_strict: bool, hosted_tools: HostedTools) -> None:
        self.declared: dict[ToolOrigin, Declared] = {}
        self.hosted: set[str] = set()
        self.features: dict[str, JSONObject] = {}
        self._hosted_tools = hosted_tools
        self._losses = losses
        self._keeps_strict = keeps_strict

    def read(self, tools: list[JSONObject], at: str) -> None:
        for index, tool in enumerate(tools):
            self._read_one(tool, f"{at}[{index}]")

    def _read_one(self, tool: JSONObject, at: str) -> None:
        kind = tool.get("type")
        if not isinstance(kind, str):
            _refuse_type(kind, at)
        elif kind == "namespace":
            self._read_namespace(convert(tool, Namespace, at), at)
        elif kind in ("function", "custom"):
            self._add(self._named(tool, at, None))
        elif (built_in := _built_in(tool, kind, at)) is not None:
            self._add(built_in)
        else:
            self._read_hosted(tool, kind, at)

    def _read_hosted(self, tool: JSONObject, kind: str, at: str) -> None:
        members = feature_members(kind, self._hosted_tools)
        if members is None:
            self.hosted.add(kind)
            self._losses.note(at, kind)
            return
        self.features[kind] = members
        for name in unsent_options(tool):
            self._losses.note(f"{at}.{safe_word(name)}")

    def _add(self, tool: Declared) -> None:
        self.declared[tool.origin] = tool

    def _read_namespace(self, group: Namespace, at: str) -> None:
        origin = tool_origin(ToolKind.FUNCTION, "", group.name)
        about = f"About all {group.name} tools: {group.description}" if origin.namespace and group.description else None
        for index, tool in enumerate(group.tools):
            place = f"{at}.tools[{index}]"
            if tool.get("type") in ("function", "custom"):
                self._add(self._named(tool, place, group.name, about))
                about = None  # said once, with the first tool: a namespace may hold a hundred
            else:
                self._losses.note(place, str(tool.get("type")))

    def _named(self, tool: JSONObject, at: str, namespace: str | None, about: str | None = None) -> Declared:
        if tool["type"] == "custom":
            return self._custom(convert(tool, CustomTool, at), at, namespace, about)
        function = convert(tool, FunctionTool, at)
        strict = function.strict if self._keeps_strict else None
        if function.strict and not self._keeps_strict:
            self._losses.note(f"{at}.strict")
        origin = tool_origin(ToolKind.FUNCTION, function.name, namespace)
        parameters = schemas.tool_parameters(function.parameters)
        return Declared(origin, _text(function.description, about), parameters, strict)

    def _custom(self, tool: CustomTool, at: str, namespace: str | None, about: str | None) -> Declared:
        if tool.format is not None and tool.format.definition:
            self._losses.note(at, "custom")  # the grammar is only told to the model, nobody enforces it
        origin = tool_origin(ToolKind.CUSTOM, tool.name, namespace)
        return Declared(origin, _text(tool.description, _format_hint(tool.format), about), schemas.CUSTOM)


def _refuse_type(kind: object, at: str) -> None:
    param = f"{at}.type"
    if kind is None:
        raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{param}'.", param)
    raise GatewayError(ErrorKind.INVALID_TYPE, f"Invalid type for '{param}': expected str.", param)


def _text(*paragraphs: str | None) -> str | None:
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) or None


def _format_hint(input_format: InputFormat | None) -> str | None:
    if input_format is None or not input_format.definition:
        return None
    syntax = input_format.syntax or input_format.type
    return f"The text of `input` must follow this {syntax} grammar:\n{input_format.definition}"


def _built_in(tool: JSONObject, kind: str, at: str) -> Declared | None:
    """A tool of the API's own that the client runs; nothing for one that only a service runs."""
    read = _BUILT_IN.get(kind)
    return read(tool, at) if read else None


def _tool_search(tool: JSONObject, at: str) -> Declared | None:
    search = convert(tool, ToolSearch, at)
    if search.execution != "client":
        return None
    description = search.description or "Searches for tools that can be loaded."
    parameters = schemas.tool_parameters(search.parameters or schemas.TOOL_SEARCH)
    return Declared(_built_in_origin(ToolKind.TOOL_SEARCH), description, parameters)


def _local_shell(_tool: JSONObject, _at: str) -> Declared:
    description = "Runs a program on the user's computer and returns its output."
    return Declared(_built_in_origin(ToolKind.LOCAL_SHELL), description, schemas.LOCAL_SHELL)


def _shell(tool: JSONObject, at: str) -> Declared | None:
    environment = convert(tool, ShellTool, at).environment
    if environment is not None and environment.type != "local":
        return None
    skills = environment.skills if environment else []
    known = "\n".join(f"- {skill.name} ({skill.path}): {skill.description}" for skill in skills)
    description = _text("Runs shell commands and returns their output.", known and f"Skills that can be read:\n{known}")
    return Declared(_built_in_origin(ToolKind.SHELL), description, schemas.SHELL)


def _apply_patch(_tool: JSONObject, _at: str) -> Declared:
    description = "Creates, updates or deletes one file by a diff."
    return Declared(_built_in_origin(ToolKind.APPLY_PATCH), description, schemas.APPLY_PATCH)


def _built_in_origin(kind: ToolKind) -> ToolOrigin:
    return ToolOrigin(kind, kind.value, None)


_BUILT_IN: dict[str, Callable[[JSONObject, str], Declared | None]] = {
    "tool_search": _tool_search,
    "local_shell": _local_shell,
    "shell": _shell,
    "apply_patch": _apply_patch,
}
