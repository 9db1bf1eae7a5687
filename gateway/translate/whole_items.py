"""Output items that an upstream hands over in one piece: those of hosted tools, and calls without partial arguments.

They pass as they are, with an id of the gateway's own. Items of a type that the API does not know never pass:
clients fail on them.
"""

from gateway.codec.json import JSONObject
from gateway.translate.event_writer import EventWriter
from gateway.translate.output_items import Finished, write_done

_PREFIXES = {
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "code_interpreter_call": "ci",
    "computer_call": "cu",
    "file_search_call": "fs",
    "image_generation_call": "ig",
    "local_shell_call": "lsh",
    "mcp_approval_request": "mcpr",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "program": "prg",
    "program_output": "prgo",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "web_search_call": "ws",
}
_WITHOUT_STATUS = frozenset({"mcp_approval_request", "mcp_list_tools", "program"})
_BORN_FINISHED = frozenset({"apply_patch_call_output", "program_output"})
"""Types whose status can only be that of an end."""
_ENDED = ("completed", "incomplete", "failed")

CLIENT_CALLS = frozenset({"apply_patch_call", "computer_call", "local_shell_call", "shell_call"})
"""Calls that the client answers by their `call_id`."""


def is_known(kind: str) -> bool:
    """Whether clients know items of this type."""
    return kind in _PREFIXES


def id_prefix(item: JSONObject) -> str:
    """The prefix of the id that an item of this type has."""
    return _PREFIXES[item["type"]]


def write_whole(writer: EventWriter, item: JSONObject, output_index: int) -> Finished:
    """Writes the two events of the item and returns it as it stands in `response.output`."""
    kind = item["type"]
    begun = done = {name: value for name, value in item.items() if name != "status"}
    if kind not in _WITHOUT_STATUS:
        done = {**done, "status": item["status"] if item.get("status") in _ENDED else "completed"}
        begun = done if kind in _BORN_FINISHED else {**done, "status": "in_progress"}
    writer.write("response.output_item.added", output_index=output_index, item=begun)
    return write_done(writer, done, output_index)
