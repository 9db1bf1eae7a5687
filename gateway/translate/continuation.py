"""What continues a stored conversation: which items make sense after which, and how input looks once it is stored."""

from collections.abc import Callable, Iterator, Sequence

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.content import Rules
from gateway.translate.history import read_history
from gateway.translate.input_items import PlacedItem, item_type
from gateway.translate.losses import Losses, safe_word
from gateway.translate.tools import read_tools

_CALLS = frozenset(
    {"function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "tool_search_call"}
)
_OUTPUTS = frozenset(f"{kind}_output" for kind in _CALLS) - {"tool_search_call_output"} | {"tool_search_output"}

_ID_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "additional_tools": "at",
    "agent_message": "amsg",
    "compaction": "cmp",
}
_OTHER_PREFIX = "item"
_PASSING = frozenset({"compaction_trigger", "configuration_update", "item_reference"})
"""Items that are about one request, and nothing of a conversation; a reference that is left led nowhere."""


def check_pairs(history: Sequence[JSONObject], own: Sequence[PlacedItem]) -> None:
    """Refuses results of calls that nobody made, and a turn that leaves calls of the one before without a result.

    Raises:
        GatewayError: INVALID_VALUE with the place in `input`, in the words of the API.
    """
    items = [*history, *(item for _, item in own)]
    called = {item["call_id"] for item in items if item.get("type") in _CALLS and item.get("call_id")}
    answered = {_answered(item) for item in items if item.get("type") in _OUTPUTS}
    for at, item in own:
        if item.get("type") in _OUTPUTS and _answered(item) not in called:
            word = safe_word(str(_answered(item)))
            message = f"No tool call found for function call output with call_id {word}."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, at)
    for item in history:
        if item.get("type") in _CALLS and _is_open(item) and item.get("call_id") not in answered:
            message = f"No tool output found for function call {safe_word(str(item.get('call_id')))}."
            raise GatewayError(ErrorKind.INVALID_VALUE, message, "input")


def _answered(item: JSONObject) -> object:
    """The call that a result is for; that of a local shell may have it as its `id`."""
    return item.get("call_id") or item.get("id")


def _is_open(item: JSONObject) -> bool:
    """Whether a call waits for a result: one that was cut does not, nor one without an id, which a server made."""
    return bool(item.get("call_id")) and item.get("status") != "incomplete"


def without_cut_calls(history: Sequence[JSONObject]) -> list[JSONObject]:
    """The items without the calls that were cut and that nobody answered: no model shall see half of one."""
    answered = {_answered(item) for item in history if item.get("type") in _OUTPUTS}
    return [
        item
        for item in history
        if item.get("type") not in _CALLS or item.get("status") != "incomplete" or item.get("call_id") in answered
    ]


def check_items(items: list[JSONObject], param: str) -> None:
    """Refuses items that no request could ever carry.

    Raises:
        GatewayError: with the place in `param`.
    """
    placed = [(f"{param}[{index}]", item) for index, item in enumerate(items)]
    losses, quirks = Losses((), strict=False), Quirks()
    read_history(placed, read_tools([], placed, quirks=quirks, losses=losses), Rules(quirks, losses, None))


def stored_items(source: str | list[JSONObject] | None, mint_id: Callable[[str], str]) -> Iterator[JSONObject]:
    """The client's own input as it is stored and listed: every item with a type, an id and a state.

    Source: the contract's section on `input_items`.
    """
    if isinstance(source, str):
        if source:
            content = [{"type": "input_text", "text": source}]
            item_id = mint_id(_ID_PREFIXES["message"])
            yield {"type": "message", "role": "user", "content": content, "id": item_id, "status": "completed"}
        return
    for item in source or []:
        kind = str(item_type(item))
        if kind not in _PASSING:
            yield _as_stored(item, kind, mint_id)


def _as_stored(item: JSONObject, kind: str, mint_id: Callable[[str], str]) -> JSONObject:
    item_id = item.get("id")
    if not isinstance(item_id, str) or not item_id:
        item_id = mint_id(_ID_PREFIXES.get(kind, _OTHER_PREFIX))
    stored = {**item, "id": item_id, "type": kind}
    if kind == "message":
        stored["content"] = _parts(item.get("content"), is_output=item.get("role") == "assistant")
    if kind == "message" or kind in _CALLS or kind in _OUTPUTS:
        stored["status"] = item.get("status") or "completed"
    return stored


def _parts(content: object, *, is_output: bool) -> object:
    if not isinstance(content, str):
        return content or []
    if is_output:
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]
