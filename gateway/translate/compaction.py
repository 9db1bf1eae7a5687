"""Compaction: the model summarises the conversation, and the summary takes its place in later input.

A client asks for it with a `compaction_trigger` as the last item, and gets one `compaction` item back. The summary
inside is sealed; `gateway.translate.history` unfolds it.
"""

from collections.abc import Sequence

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.input_items import PlacedItem

TRIGGER = "compaction_trigger"

SUMMARY_REQUEST = """\
Pause the work here. Write a summary of this whole conversation for someone who will continue it and will see nothing \
of it but your summary. Include:
- what the user wants, with every constraint and preference they stated;
- what has been done so far and what was found out: files, commands, results, errors, decisions and their reasons;
- what is still to be done, and the very next step.
Keep exact names, paths, numbers and short pieces of code that will be needed again. Call no tools. Write the summary \
and nothing else."""

SUMMARY_OPENING = "Summary of the conversation before this point:\n\n"
"""Stands before the summary where it is unfolded, so that the model does not take it for a wish."""


def asks_for_compaction(items: Sequence[PlacedItem]) -> bool:
    """Whether the input ends with a trigger.

    Raises:
        GatewayError: when a trigger stands anywhere else.
    """
    places = [at for at, item in items if item.get("type") == TRIGGER]
    if places and places != [items[-1][0]]:
        message = f"A '{TRIGGER}' must be the last item of the input."
        raise GatewayError(ErrorKind.INVALID_VALUE, message, places[0])
    return bool(places)


def ask_for_text_alone(body: JSONObject, quirks: Quirks) -> None:
    """Changes a Chat request so that a summary answers it.

    The tools stay declared where a call can be ruled out: the upstream has cached the prompt that begins with them.
    """
    body.pop("response_format", None)
    if "tools" not in body:
        return
    if "none" in quirks.tool_choice:
        body["tool_choice"] = "none"
        return
    for name in ("tools", "tool_choice", "parallel_tool_calls"):
        body.pop(name, None)
