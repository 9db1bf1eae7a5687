"""Which of the offered tools the demo upstream calls, and with what arguments.

A tool is called when the user's words mention it, or when the request says that one must be. Pure.
"""

from dataclasses import dataclass

from gateway.codec import json
from gateway.codec.json import JSONObject
from gateway.demo import wording
from gateway.demo.request import ChatRequest, Tool
from gateway.demo.schema_example import schema_example
from gateway.demo.suggestions import Suggestions

MAX_CALLS = 8
_COMMON_WORDS = frozenset(
    wording.words(
        "the and for with from that this your you get set use tool function given name call mcp when what return "
        "current value user which will into about have please one any all"
    )
)
_PATCH = """*** Begin Patch
*** Add File: hello.txt
+Hello from the demo upstream!
*** End Patch
"""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call: the tool's name and its arguments as JSON text."""

    name: str
    arguments: str


def plan_calls(request: ChatRequest, message: str) -> list[PlannedCall]:
    """The calls for a message; none when no tool fits."""
    tools = _chosen_tools(request, message)
    if not tools:
        return []
    known = {stem for tool in tools for stem in wording.word_stems(tool.name)}
    subjects = wording.subjects(message, known)
    if request.parallel_tool_calls and len(tools) == 1 and len(subjects) > 1:
        tools = tools * min(len(subjects), MAX_CALLS)
    if not request.parallel_tool_calls:
        tools = tools[:1]
    return [_call(tool, message, _own_subjects(subjects, index, len(tools))) for index, tool in enumerate(tools)]


def _own_subjects(subjects: list[str], index: int, count: int) -> list[str]:
    return [subjects[index]] if len(subjects) == count else subjects


def _chosen_tools(request: ChatRequest, message: str) -> list[Tool]:
    if request.tool_choice == "none":
        return []
    mentioned = _mentioned_tools(request.tools, message)[:MAX_CALLS]
    if request.tool_choice == "required":
        return mentioned or list(request.tools[:1])
    return mentioned


def _mentioned_tools(tools: tuple[Tool, ...], message: str) -> list[Tool]:
    text = f" {' '.join(wording.words(message))} "
    said = wording.word_stems(message) - _COMMON_WORDS
    by_name = [tool for tool in tools if f" {' '.join(wording.words(tool.name))} " in text]
    by_word = [tool for tool in tools if said & wording.word_stems(tool.name)]
    return by_name or by_word or _nearest_description(tools, said)


def _nearest_description(tools: tuple[Tool, ...], said: set[str]) -> list[Tool]:
    shared = [len(said & _telling_words(tool.description)) for tool in tools]
    return [tools[shared.index(max(shared))]] if any(shared) else []


def _telling_words(description: str) -> set[str]:
    """The words of the first sentence that say something: agents' tools have pages of description."""
    sentence = description.strip().split(". ", 1)[0].split("\n", 1)[0]
    return {stem for stem in wording.word_stems(sentence) if len(stem) > 3} - _COMMON_WORDS


def _call(tool: Tool, message: str, subjects: list[str]) -> PlannedCall:
    return PlannedCall(tool.name, json.dumps(_arguments(tool, message, subjects)).decode())


def _arguments(tool: Tool, message: str, subjects: list[str]) -> JSONObject:
    suggestions = Suggestions(message, subjects)
    if _is_wrapper(tool.parameters):
        return {"input": _PATCH if "patch" in wording.words(tool.name) else suggestions.sentence()}
    if not tool.parameters.get("properties"):
        return {}
    built = schema_example({"type": "object", **tool.parameters}, suggestions, every_property=False)
    return dict(built) if isinstance(built, dict) else {}


def _is_wrapper(parameters: JSONObject) -> bool:
    """Whether the function only wraps free text, as a gateway does for tools without a schema."""
    properties = parameters.get("properties")
    return isinstance(properties, dict) and list(properties) == ["input"] and parameters.get("required") == ["input"]
