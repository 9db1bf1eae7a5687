"""The output items of an upstream that speaks Responses, as far as they have come.

An item knows what it has said already, so that the same text in a `done` event, in a finished item or in the final
Response only adds what was missing. Which event belongs to which item is `gateway.translate.native_answer`.
"""

from collections.abc import Callable

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.codec.lenient_json import well_formed
from gateway.codec.partial_json import ObjectEnd
from gateway.translate.channels import Increments
from gateway.translate.signals import (
    Annotation,
    CallArguments,
    CallStart,
    MessageStart,
    Opaque,
    PartEnd,
    Reasoning,
    ReasoningStart,
    Refusal,
    Signal,
    Text,
    Whole,
)
from gateway.translate.tool_names import ToolKind, tool_origin
from gateway.translate.whole_items import is_known

_PHASES = ("commentary", "final_answer")
_MESSAGE_PARTS = {"refusal": ("refusal", "refusal")}
"""The channel and the member of parts of a message that are no text."""


class NativeItem:
    """What all items have.

    Args:
        kind: the type of the item.
        put: takes the signals, as soon as their turn has come.
    """

    def __init__(self, kind: str, put: Callable[["NativeItem", Signal], None]) -> None:
        self.kind = kind
        self.ids: tuple[str, str] = ("", "")
        """The id with which it came, and the one of its last event."""
        self.index: int | None = None
        self.is_announced = False
        self.is_done = False
        self.is_silent = True
        """Nothing of it has come but its announcement."""
        self._put_signal = put

    @property
    def may_end(self) -> bool:
        """Whether another item may take its turn."""
        return True

    def interrupt(self) -> None:
        """Another item has taken its turn."""

    def announce(self, item: JSONObject) -> None:
        """What `output_item.added` says."""

    def complete(self, item: JSONObject) -> None:
        """What a finished item says; an item may be finished more than once."""

    def end(self, *, is_whole: bool) -> None:
        """Nothing more comes."""

    def _put(self, signal: Signal) -> None:
        self.is_silent = False
        self._put_signal(self, signal)


class TextItem(NativeItem):
    """A message, or reasoning."""

    def __init__(self, kind: str, put: Callable[[NativeItem, Signal], None]) -> None:
        super().__init__(kind, put)
        self._phase = ""
        self._has_started = False
        self._increments = Increments(is_cumulative=False)
        self._said: dict[str, list[str]] = {}
        """All text by channel."""
        self._part: tuple[str, JSONValue] | None = None
        self._part_said: list[str] = []
        self._is_part_over = False
        self._owes_part_end = False
        self._annotations = 0
        self._has_state = False

    def interrupt(self) -> None:
        self._has_started = False

    def announce(self, item: JSONObject) -> None:
        phase = item.get("phase")
        self._phase = phase if phase in _PHASES else self._phase

    def part_added(self) -> None:
        """A new part begins, whatever its index is."""
        self._leave_part()

    def delta(self, channel: str, index: JSONValue, text: str, logprobs: list[JSONObject] | None = None) -> None:
        """The next text of a part."""
        self._enter_part(channel, index)
        self._say(channel, self._increments.feed(text), logprobs)

    def part_done(self, channel: str, index: JSONValue, text: str, logprobs: list[JSONObject] | None = None) -> None:
        """The whole text of a part."""
        text = well_formed(text)
        if self._part == (channel, index) and self._is_part_over:
            return
        if not self._continues(channel, index, text):
            if self._is_repetition(text):
                return
            self._enter_part(channel, index)
        said = "".join(self._part_said)
        self._increments.finish()
        self._say(channel, _rest(text, said), None if said else logprobs)
        self._is_part_over = True

    def annotate(self, annotation: JSONValue) -> None:
        """The next source of the text of the current part."""
        if isinstance(annotation, dict) and self._has_started:
            self._annotations += 1
            self._put(Annotation(annotation))

    def annotate_all(self, annotations: JSONValue) -> None:
        """All sources of the current part."""
        for annotation in (annotations if isinstance(annotations, list) else [])[self._annotations :]:
            self.annotate(annotation)

    @property
    def said(self) -> str:
        """All text so far."""
        return "".join(text for texts in self._said.values() for text in texts)

    def complete(self, item: JSONObject) -> None:
        self.announce(item)
        self._increments.finish()
        parts = _parts(item)
        if not any(self._said.values()):
            self._say_all(parts)
        else:
            self._say_rest(parts)
        if self.kind == "message" and parts:
            self.annotate_all(parts[-1][1].get("annotations"))
        self.keep(item)
        self.is_done = True

    def end(self, *, is_whole: bool) -> None:
        if rest := self._increments.finish():
            self._say(self._part[0] if self._part else "text", rest)

    def _say_all(self, parts: list[tuple[str, JSONObject]]) -> None:
        for channel, part in parts:
            text = part["text"]
            if channel == "content" and text == "".join(self._said.get("summary", [])):
                continue  # both forms of the same reasoning
            self._leave_part()
            self._enter_part(channel, None)
            self._say(channel, text, log_entries(part.get("logprobs")))
            if part is not parts[-1][1]:
                self.annotate_all(part.get("annotations"))

    def _say_rest(self, parts: list[tuple[str, JSONObject]]) -> None:
        for channel in dict.fromkeys(channel for channel, _ in parts):
            whole = "".join(part["text"] for other, part in parts if other == channel)
            said = "".join(self._said.get(channel, []))
            if (said or self.kind == "message") and (rest := _rest(whole, said)):
                self._say(channel, rest)

    def keep(self, item: JSONObject) -> None:
        """Reasoning goes back to its upstream as it came; late, only what the text does not hold is worth it."""
        if self.kind != "reasoning":
            return
        has_state = bool(item.get("encrypted_content"))
        if self._has_state or not (has_state or self._has_started):
            return
        self._has_state = True
        self._start()
        kept = {name: value for name, value in item.items() if name != "status" and value is not None}
        self._put(Opaque("item", kept))

    def _continues(self, channel: str, index: JSONValue, text: str) -> bool:
        """Whether this is the text of the open part, perhaps under another index."""
        if self._part is None or self._is_part_over:
            return False
        said = "".join(self._part_said)
        return self._part == (channel, index) or (self._part[0] == channel and bool(said) and text.startswith(said))

    def _is_repetition(self, text: str) -> bool:
        return bool(text) and text in ("".join(said) for said in self._said.values())

    def _enter_part(self, channel: str, index: JSONValue) -> None:
        if self._part == (channel, index) and not self._is_part_over:
            return
        self._leave_part()
        self._part, self._is_part_over = (channel, index), False

    def _leave_part(self) -> None:
        if self._part is None:
            return
        self._owes_part_end = bool(self._part_said)
        self._part, self._part_said, self._annotations = None, [], 0

    def _say(self, channel: str, text: str, logprobs: list[JSONObject] | None = None) -> None:
        if not text:
            return
        self._start()
        if self._owes_part_end:
            self._put(PartEnd())
            self._owes_part_end = False
        self._part_said.append(text)
        self._said.setdefault(channel, []).append(text)
        if channel == "text":
            self._put(Text(text, logprobs))
        else:
            self._put(Refusal(text) if channel == "refusal" else Reasoning(text))

    def _start(self) -> None:
        """Late, so that an item without any content never appears."""
        if not self._has_started:
            self._has_started, self._owes_part_end = True, False
            self._put(MessageStart(self._phase) if self.kind == "message" else ReasoningStart())


class CallItem(NativeItem):
    """A call of a function, or of a freeform tool, whose text is wrapped as a function's would be."""

    def __init__(self, kind: str, put: Callable[[NativeItem, Signal], None]) -> None:
        super().__init__(kind, put)
        self._is_custom = kind == "custom_tool_call"
        self._name = self._namespace = self.call_id = ""
        self._has_started = self._has_ended = False
        self._increments = Increments(is_cumulative=False)
        self._said: list[str] = []
        self._arguments_end = ObjectEnd()
        self._has_all = False

    @property
    def may_end(self) -> bool:
        return self.is_done or self._has_all or (not self._is_custom and self._arguments_end.is_complete)

    def interrupt(self) -> None:
        self._has_ended = True

    def announce(self, item: JSONObject) -> None:
        self._name = self._name or _string(item.get("name"))
        self._namespace = self._namespace or _string(item.get("namespace"))
        self.call_id = self.call_id or _string(item.get("call_id"))

    def delta(self, text: str) -> None:
        """The next piece of the arguments or of the input."""
        self._say(self._increments.feed(text))

    def all_said(self, whole: JSONValue) -> None:
        """All arguments, or the whole input."""
        text = whole if isinstance(whole, str) else dumps(whole).decode() if isinstance(whole, dict) else ""
        self._say(_rest(well_formed(text), "".join(self._said)))
        self._has_all = True

    def complete(self, item: JSONObject) -> None:
        self.announce(item)
        if item.get("status") == "incomplete":
            return
        self.all_said(item.get("input" if self._is_custom else "arguments"))
        self.is_done = True
        self.end(is_whole=True)

    def end(self, *, is_whole: bool) -> None:
        if self._has_ended or not self._name:
            return
        self._has_ended = True
        self._start()
        if self._is_custom and is_whole:
            self._put(CallArguments('"}'))

    def _say(self, text: str) -> None:
        if not text or self._has_ended:
            return
        self.is_silent = False
        self._said.append(text)
        self._arguments_end.feed(text)
        if self._has_started:
            self._put(CallArguments(self._encoded(text)))
        elif self._name and self.call_id:
            self._start()

    def _start(self) -> None:
        """Once its name is known, and its id too if there is one."""
        if self._has_started:
            return
        self._has_started = True
        kind = ToolKind.CUSTOM if self._is_custom else ToolKind.FUNCTION
        is_plain = not self._is_custom and not self._namespace
        origin = None if is_plain else tool_origin(kind, self._name, self._namespace)
        self._put(CallStart(self.call_id, self._name, origin))
        if arguments := ('{"input":"' if self._is_custom else "") + self._encoded("".join(self._said)):
            self._put(CallArguments(arguments))

    def _encoded(self, text: str) -> str:
        return dumps(text)[1:-1].decode() if self._is_custom else text


class WholeItem(NativeItem):
    """Any other item: it passes when it is finished, if clients know its type."""

    def complete(self, item: JSONObject) -> None:
        is_broken = item.get("status") == "incomplete" and "call_id" in item  # nobody must run half a command
        if not self.is_done and is_known(self.kind) and not is_broken:
            self._put(Whole({**item, "type": self.kind}))
        self.is_done = True


def make_item(kind: str, put: Callable[[NativeItem, Signal], None]) -> NativeItem:
    """The item for this type."""
    if kind in ("message", "reasoning"):
        return TextItem(kind, put)
    return CallItem(kind, put) if kind in ("function_call", "custom_tool_call") else WholeItem(kind, put)


def log_entries(value: JSONValue) -> list[JSONObject] | None:
    """The log probabilities, if there are any."""
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return entries or None


def item_text(item: JSONObject) -> str:
    """All text of a finished item."""
    return "".join(part["text"] for _, part in _parts(item))


def _parts(item: JSONObject) -> list[tuple[str, JSONObject]]:
    """The parts that have text, each with its channel; whatever its member is called, the text is in `text`."""
    if item.get("type") == "message":
        return _parts_in(item.get("content"), _MESSAGE_PARTS, "text")
    return _parts_in(item.get("summary"), {}, "summary") + _parts_in(item.get("content"), {}, "content")


def _parts_in(container: JSONValue, known: dict[str, tuple[str, str]], usual: str) -> list[tuple[str, JSONObject]]:
    """Some servers write a plain string where a part or a list of parts is due."""
    found: list[tuple[str, JSONObject]] = []
    for entry in container if isinstance(container, list) else [container]:
        part: JSONObject = {"text": entry} if isinstance(entry, str) else entry if isinstance(entry, dict) else {}
        channel, member = known.get(_string(part.get("type")), (usual, "text"))
        if isinstance(text := part.get(member), str):
            found.append((channel, {**part, "text": well_formed(text)}))
    return found


def _rest(whole: str, said: str) -> str:
    """What of the whole has not been said; nothing if it is another text altogether."""
    return whole[len(said) :] if whole.startswith(said) else ""


def _string(value: JSONValue) -> str:
    return value if isinstance(value, str) else ""
