"""The output items of one response: each writes its own events, from `output_item.added` to `.done`.

An item lives from `open` to `close`; between them it takes the text of its parts. It never writes a sequence
number or an index of its own making: the writer and the composer own those.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from gateway.codec.json import JSONObject, dumps, dumps_to_join
from gateway.codec.partial_json import InputField
from gateway.settings import ReasoningEvents
from gateway.translate.event_writer import EventWriter
from gateway.translate.output_parts import SummaryPart, TextPart, output_text
from gateway.translate.sealed import Seal, SealedSummary, encode
from gateway.translate.tool_results import call_item, custom_input
from gateway.translate.tools import ToolKind, ToolOrigin

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class Finished(NamedTuple):
    """A closed item as it stands in `response.output`."""

    item_id: str
    body: bytes
    """JSON."""


class OutputItem(Protocol):
    """What the composer needs of any item."""

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        """The next piece of the part that is open."""

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished | None:
        """Ends the item, and returns it unless it was never announced.

        On a failure a call stays without its `done` event, so that nobody runs it.
        """


_ADDED, _DONE = "response.output_item.added", "response.output_item.done"


def write_done(writer: EventWriter, item: JSONObject, output_index: int) -> Finished:
    """Writes the event for an item that is done; the Response repeats what was rendered for it."""
    body = dumps(item)
    writer.write_item(_DONE, output_index, body)
    return Finished(item["id"], body)


def _place(item_id: str, output_index: int) -> bytes:
    """The members of an event that say which item it is about."""
    return b'"item_id":%b,"output_index":%d' % (dumps_to_join(item_id), output_index)


class MessageItem:
    """A message: parts of text and refusal, one after the other; `phase` may say which part of an answer it is."""

    __slots__ = ("_closed_characters", "_item_id", "_output_index", "_part", "_parts", "_phase", "_writer")

    def __init__(self, writer: EventWriter, item_id: str, output_index: int, phase: str = "") -> None:
        self._writer = writer
        self._item_id = item_id
        self._output_index = output_index
        self._phase = b',"phase":' + dumps_to_join(phase) if phase else b""
        self._parts: list[bytes] = []
        self._closed_characters = 0
        self._part: TextPart | None = None
        if not writer.is_mute:
            writer.write_item(_ADDED, output_index, self._rendered("in_progress"))

    def open_part(self, kind: Literal["output_text", "refusal"]) -> TextPart:
        """Begins the next part, after the one that is open, and returns it."""
        self.close_part()
        place = b""
        if not self._writer.is_mute:
            place = b'%b,"content_index":%d' % (_place(self._item_id, self._output_index), len(self._parts))
        self._part = part = TextPart(self._writer, kind, place)
        return part

    @property
    def characters(self) -> int:
        """How many there are in all parts."""
        return self._closed_characters + (self._part.characters if self._part is not None else 0)

    def close_part(self) -> None:
        if self._part is not None:
            self._closed_characters += self._part.characters
            self._parts.append(self._part.close())
            self._part = None

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        if self._part is not None:
            self._part.append(text, logprobs)

    def annotate(self, annotation: JSONObject) -> None:
        """Adds to the part that is open."""
        if self._part is not None:
            self._part.annotate(annotation)

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished:
        self.close_part()
        body = self._rendered(status)
        self._writer.write_item(_DONE, self._output_index, body)
        return Finished(self._item_id, body)

    def _rendered(self, status: ItemStatus) -> bytes:
        return _message(self._item_id, status, b",".join(self._parts), self._phase)


def whole_message(item_id: str, text: str) -> Finished:
    """A message of which nobody has seen the beginning, as it stands in the Response."""
    return Finished(item_id, _message(item_id, "completed", output_text(dumps_to_join(text))))


def _message(item_id: str, status: ItemStatus, parts: bytes, phase: bytes = b"") -> bytes:
    return b'{"id":%b,"type":"message","status":"%b","role":"assistant","content":[%b]%b}' % (
        dumps_to_join(item_id),
        status.encode(),
        parts,
        phase,
    )


class ReasoningItem:
    """Reasoning, shown as a summary (every client shows it) or as `reasoning_text`.

    `seal` makes the `encrypted_content` of the whole text, or None. An item without text has no part.
    """

    __slots__ = ("_item_id", "_output_index", "_part", "_parts", "_seal", "_style", "_texts", "_writer")

    def __init__(
        self,
        writer: EventWriter,
        item_id: str,
        output_index: int,
        style: ReasoningEvents,
        seal: Callable[[str], str | None],
    ) -> None:
        self._writer = writer
        self._item_id = item_id
        self._style = style
        self._output_index = output_index
        self._seal = seal
        self._part: SummaryPart | TextPart | None = None
        self._parts: list[bytes] = []
        self._texts: list[str] = []
        writer.write_item(_ADDED, output_index, self._rendered("in_progress", None))

    def _open_part(self) -> SummaryPart | TextPart:
        place, index = _place(self._item_id, self._output_index), len(self._parts)
        if self._style == "text":
            return TextPart(self._writer, "reasoning_text", b'%b,"content_index":%d' % (place, index))
        return SummaryPart(self._writer, b'%b,"summary_index":%d' % (place, index))

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        if self._part is None:
            self._texts += ["\n"] if self._texts else []
            self._part = self._open_part()
        self._texts.append(text)
        self._part.append(text, None)

    def close_part(self) -> None:
        """Ends the part that is open; more text makes another one."""
        if self._part is not None:
            self._parts.append(self._part.close())
            self._part = None

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished:
        self.close_part()
        body = self._rendered(status, self._seal("".join(self._texts)))
        self._writer.write_item(_DONE, self._output_index, body)
        return Finished(self._item_id, body)

    def _rendered(self, status: ItemStatus, token: str | None) -> bytes:
        form = b'"summary":[],"content":[%b]' if self._style == "text" else b'"summary":[%b]'
        return b'{"id":%b,"type":"reasoning","status":"%b",%b%b}' % (
            dumps_to_join(self._item_id),
            status.encode(),
            form % b",".join(self._parts),
            b',"encrypted_content":' + dumps_to_join(token) if token is not None else b"",
        )


class FunctionCallItem:
    """A function call: its arguments pass as they come."""

    __slots__ = ("_frames", "_item", "_output_index", "_pieces", "_place", "_writer")

    def __init__(self, writer: EventWriter, item: JSONObject, output_index: int) -> None:
        self._writer = writer
        self._item = {**item, "arguments": ""}
        self._output_index = output_index
        self._pieces: list[str] = []
        self._place = _place(item["id"], output_index)
        self._frames = writer.deltas("response.function_call_arguments.delta", self._place)
        writer.write(_ADDED, output_index=output_index, item=self._item)

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._pieces.append(text)
        self._writer.write_delta(self._frames, text)

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished:
        if status == "completed" and not self._pieces:
            self.append("{}", None)  # clients parse the arguments, and no text is no JSON
        arguments = "".join(self._pieces)
        if not is_failure:
            members = b'"arguments":' + dumps_to_join(arguments)
            self._writer.write_rendered("response.function_call_arguments.done", self._place, members)
        item = {**self._item, "arguments": arguments, "status": status}
        return write_done(self._writer, item, self._output_index)


class CustomCallItem:
    """A freeform call: upstream it is a function with one string, here the raw text of that string."""

    __slots__ = ("_arguments", "_field", "_frames", "_item", "_output_index", "_pieces", "_place", "_writer")

    def __init__(self, writer: EventWriter, item: JSONObject, output_index: int) -> None:
        self._writer = writer
        self._item = {**item, "input": ""}
        self._output_index = output_index
        self._field = InputField()
        self._arguments: list[str] = []
        self._pieces: list[str] = []
        self._place = _place(item["id"], output_index)
        self._frames = writer.deltas("response.custom_tool_call_input.delta", self._place)
        writer.write(_ADDED, output_index=output_index, item=self._item)

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._arguments.append(text)
        self._add(self._field.feed(text))

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished:
        self._add(self._field.finish(custom_input("".join(self._arguments))))
        whole = "".join(self._pieces)
        item = {**self._item, "input": whole, "status": status}
        if status != "completed":
            # Half of a program is a program too: Codex runs an item that is done, whatever its status.
            return Finished(item["id"], dumps(item))
        members = b'"input":' + dumps_to_join(whole)
        self._writer.write_rendered("response.custom_tool_call_input.done", self._place, members)
        return write_done(self._writer, item, self._output_index)

    def _add(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._writer.write_delta(self._frames, text)


class CompactionItem:
    """The summary of a conversation, sealed: the client carries it in place of all that it stands for."""

    __slots__ = ("_item_id", "_output_index", "_seal", "_texts", "_writer")

    def __init__(self, writer: EventWriter, item_id: str, output_index: int, seal: Seal) -> None:
        self._writer = writer
        self._item_id = item_id
        self._output_index = output_index
        self._seal = seal
        self._texts: list[str] = []

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._texts.append(text)

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished | None:
        if status != "completed":
            return None
        token = self._seal(encode(SealedSummary("".join(self._texts).strip())))
        item = {"id": self._item_id, "type": "compaction", "encrypted_content": token}
        self._writer.write(_ADDED, output_index=self._output_index, item=item)
        return write_done(self._writer, item, self._output_index)


class WholeCallItem:
    """A call of a built-in client tool: its form holds no partial arguments, so it appears when it is whole."""

    __slots__ = ("_base", "_kind", "_output_index", "_pieces", "_writer")

    def __init__(self, writer: EventWriter, item: JSONObject, output_index: int, kind: ToolKind) -> None:
        self._writer = writer
        self._base = item
        self._output_index = output_index
        self._kind = kind
        self._pieces: list[str] = []

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._pieces.append(text)

    def close(self, status: ItemStatus, *, is_failure: bool) -> Finished | None:
        if status != "completed":
            return None
        item = call_item(self._kind, self._base, "".join(self._pieces))
        self._writer.write(_ADDED, output_index=self._output_index, item=item)
        return write_done(self._writer, {**item, "status": status}, self._output_index)


def open_call(
    writer: EventWriter, origin: ToolOrigin, *, item_id: str, call_id: str, output_index: int
) -> FunctionCallItem | CustomCallItem | WholeCallItem:
    """The item for a call, in the form in which its tool was declared."""
    item: JSONObject = {"id": item_id, "type": CALL_TYPES[origin.kind], "status": "in_progress", "call_id": call_id}
    if origin.kind not in (ToolKind.FUNCTION, ToolKind.CUSTOM):
        return WholeCallItem(writer, item, output_index, origin.kind)
    item["name"] = origin.name
    if origin.namespace is not None:
        item["namespace"] = origin.namespace
    if origin.kind is ToolKind.CUSTOM:
        return CustomCallItem(writer, item, output_index)
    return FunctionCallItem(writer, item, output_index)


CALL_TYPES = {
    ToolKind.FUNCTION: "function_call",
    ToolKind.CUSTOM: "custom_tool_call",
    ToolKind.TOOL_SEARCH: "tool_search_call",
    ToolKind.LOCAL_SHELL: "local_shell_call",
    ToolKind.SHELL: "shell_call",
    ToolKind.APPLY_PATCH: "apply_patch_call",
}

ID_PREFIXES = {
    ToolKind.FUNCTION: "fc",
    ToolKind.CUSTOM: "ctc",
    ToolKind.TOOL_SEARCH: "tsc",
    ToolKind.LOCAL_SHELL: "lsh",
    ToolKind.SHELL: "sh",
    ToolKind.APPLY_PATCH: "apc",
}
