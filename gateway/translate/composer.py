"""Turns signals into the one right sequence of Responses events.

The composer alone decides when an item or a part opens and closes, and it alone owns ids, `output_index` and
(through its writer) `sequence_number`. What it does in which situation is `gateway.translate.transitions`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ReasoningEvents
from gateway.translate.event_writer import EventWriter
from gateway.translate.output_items import (
    ID_PREFIXES,
    CompactionItem,
    Finished,
    ItemStatus,
    MessageItem,
    OutputItem,
    ReasoningItem,
    open_call,
    whole_message,
)
from gateway.translate.output_parts import TextPart
from gateway.translate.response_object import RenderedResponse, ResponseObject
from gateway.translate.sealed import Seal, SealedReasoning, encode, joined_details
from gateway.translate.signals import (
    Annotation,
    CallArguments,
    CallStart,
    Failure,
    Finish,
    MessageStart,
    Opaque,
    Outcome,
    Reasoning,
    Refusal,
    Signal,
    Text,
    Texts,
    Usage,
    Whole,
)
from gateway.translate.tools import ToolMap
from gateway.translate.transitions import TRANSITIONS, Open, Step
from gateway.translate.usage import estimate
from gateway.translate.whole_items import CLIENT_CALLS, id_prefix, write_whole

MintId = Callable[[str], str]
"""Makes an id that nobody can guess, from its prefix: `msg` -> `msg_...`."""


_LONGEST_CALL_ID = 64
"""Characters, by the API's own rule for `call_id`."""

_SUMMARY_SIGNALS = (Text, Texts, Finish, Failure)


_StepFunction = Callable[["Composer", Signal], None]
_Row = Mapping[type[Signal], tuple[_StepFunction, ...]]


def _rows(functions: Mapping[Step, _StepFunction]) -> Mapping[Open, _Row]:
    """The transitions as what is called: to look up two enums for each token costs more than to write it."""
    return {
        state: {kind: tuple(functions[step] for step in steps) for kind, steps in row.items()}
        for state, row in TRANSITIONS.items()
    }


class Composer:
    """One response being made.

    Args:
        response: renders the Response object.
        tools: how the names of calls come back.
        mint_id: makes the ids of items and calls.
        reasoning_events: the form in which reasoning is shown.
        seal: seals what must come back on the next turn; without it nothing does.
        provider: the name of the upstream, which alone understands its opaque state.
        compacts: the text is the summary of the conversation, and there is nothing else in the answer.
        input_bytes: the size of the request to the upstream, to guess at the usage if that reports none.
        now: seconds since the epoch, for `completed_at`.
        writer: goes on with a stream that another composer has begun.
        holds_end: the terminal event waits for `conclude`.
    """

    __slots__ = (
        "_call_ids",
        "_compacts",
        "_has_answer",
        "_holds_end",
        "_input_bytes",
        "_item",
        "_kept",
        "_message",
        "_mint_id",
        "_now",
        "_open",
        "_output",
        "_output_characters",
        "_provider",
        "_reasoning_events",
        "_response",
        "_row",
        "_seal",
        "_tools",
        "_usage",
        "_writer",
        "ending",
        "error",
        "final",
        "text_part",
    )

    def __init__(
        self,
        response: ResponseObject,
        tools: ToolMap,
        *,
        mint_id: MintId,
        reasoning_events: ReasoningEvents,
        seal: Seal | None,
        provider: str,
        input_bytes: int,
        now: Callable[[], int],
        compacts: bool = False,
        writer: EventWriter | None = None,
        holds_end: bool = False,
    ) -> None:
        self._response = response
        self._tools = tools
        self._mint_id = mint_id
        self._reasoning_events = reasoning_events
        self._seal = seal
        self._provider = provider
        self._compacts = compacts
        self._kept: list[Opaque] = []
        self._input_bytes = input_bytes
        self._writer = EventWriter() if writer is None else writer
        self._enter(Open.NOTHING)
        self._item: OutputItem | None = None
        self._message: MessageItem | None = None
        self._output: list[Finished] = []
        self._has_answer = False
        """Whether there is any finished item that is no reasoning."""
        self._call_ids: set[str] | None = None
        self._output_characters = 0
        self._now = now
        self._holds_end = holds_end
        self.ending: RenderedResponse | None = None
        """The Response of the terminal event, once the answer is over."""
        self.final: bytes | None = None
        """The same as JSON, once the terminal event is written."""
        self.error: GatewayError | None = None
        self._usage: Usage | None = None

    @property
    def has_output(self) -> bool:
        """Whether any output item has been finished."""
        return bool(self._output)

    @property
    def has_item(self) -> bool:
        """Whether any output item has been begun."""
        return self._item is not None or bool(self._output)

    @property
    def usage(self) -> Usage:
        """What the upstream reported, or else a guess from what has come until now."""
        if self._usage is not None:
            return self._usage
        open_characters = self._message.characters if self._message is not None else 0
        return estimate(self._input_bytes, self._output_characters + open_characters)

    def begin(self, *, is_queued: bool = False) -> bytes:
        """The frames that open the stream; a response that has waited says so."""
        pending = self._response.pending_json()
        if is_queued:
            queued = self._response.pending_json("queued")
            self._writer.write_response("response.created", queued)
            self._writer.write_response("response.queued", queued)
        else:
            self._writer.write_response("response.created", pending)
        self._writer.write_response("response.in_progress", pending)
        return self._writer.take()

    def conclude(self, *, is_stored: bool) -> bytes:
        """The frames of the terminal event that was held back, now that it is known whether the response is stored."""
        if self.ending is not None and self.final is None:
            self._write_end(self.ending, is_stored=is_stored)
        return self._writer.take()

    def compose(self, signals: Sequence[Signal]) -> bytes:
        """The frames for these signals, which the reader made certain."""
        if self._compacts:
            signals = [signal for signal in signals if isinstance(signal, _SUMMARY_SIGNALS)]
        if self._writer.is_mute and self._take_text_alone(signals):
            return b""
        for signal in signals:
            for step in self._row[type(signal)]:
                step(self, signal)
        return self._writer.take()

    def _take_text_alone(self, signals: Sequence[Signal]) -> bool:
        """The short way of an answer that nobody sees before its end and that is one text: says whether it was one."""
        if self.has_item or self._kept or self._compacts:
            return False
        match signals:
            case [Text(text, None), Finish(Outcome.COMPLETED) as end]:
                self._output.append(whole_message(self._mint_id("msg"), text))
                self._output_characters += len(text)
                self._conclude(end)
                return True
            case _:
                return False

    def _enter(self, state: Open) -> None:
        self._open = state
        self._row = self._ROWS[state]
        self.text_part: TextPart | None = None
        """The part of a message that further text belongs to."""

    def keep_alive(self) -> bytes:
        """A frame for a silent moment that resets clients' idle timers.

        A repeated `in_progress` is in every client's schema, but openai-node accepts it only before the first item.
        """
        if self._open is Open.ENDED:
            return b""
        if self.has_item:
            self._writer.write("keepalive")
        else:
            self._writer.write_response("response.in_progress", self._response.pending_json())
        return self._writer.take()

    def _open_reasoning(self, _: Signal) -> None:
        item_id = self._mint_id("rs")
        self._item = ReasoningItem(
            self._writer, item_id, len(self._output), self._reasoning_events, self._sealed_reasoning
        )
        self._enter(Open.REASONING)

    def _sealed_reasoning(self, text: str) -> str | None:
        """The text and all opaque state so far, for the item that closes now."""
        kept, self._kept = self._kept, []
        if self._seal is None:
            return None
        details = [piece for one in kept if one.field == "reasoning_details" for piece in one.value]
        extras = {one.call_id: one.value for one in kept if one.field == "extra_content"}
        item: JSONObject = next((one.value for one in kept if one.field == "item"), {})
        return self._seal(encode(SealedReasoning(text, self._provider, joined_details(details), extras, item)))

    def _keep(self, signal: Signal) -> None:
        if isinstance(signal, Opaque) and self._seal is not None:
            self._kept.append(signal)

    def _carry(self, _: Signal) -> None:
        """State that came outside of any reasoning gets an item of its own: no other item can hold it."""
        if self._kept:
            self._open_reasoning(Reasoning(""))
            self._close_item("completed")

    def _open_message(self, signal: Signal) -> None:
        self._enter(Open.MESSAGE)
        if self._compacts and self._seal is not None:
            self._item = CompactionItem(self._writer, self._mint_id("cmp"), len(self._output), self._seal)
            return
        phase = signal.phase if isinstance(signal, MessageStart) else ""
        self._message = self._item = MessageItem(self._writer, self._mint_id("msg"), len(self._output), phase)

    def _open_text(self, _: Signal) -> None:
        self._open_part("output_text")

    def _open_refusal(self, _: Signal) -> None:
        self._open_part("refusal")

    def _open_part(self, kind: Literal["output_text", "refusal"]) -> None:
        part = self._message.open_part(kind) if self._message is not None else None
        if kind == "output_text":
            self._enter(Open.TEXT)
            self.text_part = part
        else:
            self._enter(Open.REFUSAL)

    def _open_call(self, signal: Signal) -> None:
        """Opens a call, unless `tool_choice` forbids its tool: then its arguments meet nothing open."""
        if not isinstance(signal, CallStart) or not self._tools.is_allowed(signal.name):
            return
        origin = signal.origin or self._tools.origin(signal.name)
        self._item = open_call(
            self._writer,
            origin,
            item_id=self._mint_id(ID_PREFIXES[origin.kind]),
            call_id=self._unique_call_id(signal.call_id),
            output_index=len(self._output),
        )
        self._enter(Open.CALL)

    def _unique_call_id(self, offered: str) -> str:
        """The upstream's id, unless it has none, one too long, or gave it to two calls, as LocalAI does."""
        if self._call_ids is None:
            self._call_ids = set()
        is_usable = 0 < len(offered) <= _LONGEST_CALL_ID and offered not in self._call_ids
        call_id = offered if is_usable else self._mint_id("call")
        self._call_ids.add(call_id)
        return call_id

    def _append(self, signal: Signal) -> None:
        logprobs = None
        if isinstance(signal, Text):
            text, logprobs = signal.text, signal.logprobs
        elif isinstance(signal, Reasoning | Refusal):
            text = signal.text
        elif isinstance(signal, CallArguments):
            text = signal.fragment
        else:
            return
        if self._message is None:
            self._output_characters += len(text)
        if self._item is not None:
            self._item.append(text, logprobs)

    def _append_all(self, signal: Signal) -> None:
        if not isinstance(signal, Texts):
            return
        if self.text_part is not None:
            self.text_part.extend(signal.texts)
        elif self._item is not None:
            self._output_characters += sum(map(len, signal.texts))
            self._item.append("".join(signal.texts), None)

    def _annotate(self, signal: Signal) -> None:
        if isinstance(signal, Annotation) and self._message is not None:
            self._message.annotate(signal.annotation)

    def _end_part(self, _: Signal) -> None:
        self._close_part()

    def _close_part(self) -> None:
        if isinstance(self._item, MessageItem | ReasoningItem):
            self._item.close_part()
        if self._message is not None:
            self._enter(Open.MESSAGE)

    def _write_whole(self, signal: Signal) -> None:
        if not isinstance(signal, Whole):
            return
        item = {**signal.item, "id": self._mint_id(id_prefix(signal.item))}
        if item["type"] in CLIENT_CALLS:
            item["call_id"] = self._unique_call_id(str(item.get("call_id") or ""))
        self._output.append(write_whole(self._writer, item, len(self._output)))
        self._has_answer = True

    def _end_item(self, _: Signal) -> None:
        self._close_item("completed")

    def _close_item(self, status: ItemStatus, *, is_failure: bool = False) -> None:
        if self._message is not None:  # its text is not counted piece by piece
            self._output_characters += self._message.characters
        item, self._item, self._message = self._item, None, None
        self._enter(Open.NOTHING)
        if item is None:
            return
        if (finished := item.close(status, is_failure=is_failure)) is not None:
            self._output.append(finished)
            self._has_answer = self._has_answer or not isinstance(item, ReasoningItem)

    def _finish(self, signal: Signal) -> None:
        if not isinstance(signal, Finish):
            return
        is_complete = signal.outcome is Outcome.COMPLETED
        if is_complete and self._compacts and self._item is None:
            self._fail(Failure(GatewayError(ErrorKind.UPSTREAM_ERROR, "The model wrote no summary."), signal.usage))
            return
        self._close_item("completed" if is_complete else "incomplete")
        if is_complete:
            self._carry(signal)
            self._write_message_if_empty()
        self._conclude(signal)

    def _conclude(self, signal: Finish) -> None:
        self._usage = signal.usage
        self._end(self._response.finished(self._output, signal.outcome, self.usage, self._now()))

    def _fail(self, signal: Signal) -> None:
        if not isinstance(signal, Failure):
            return
        self._close_item("incomplete", is_failure=True)
        self.error, self._usage = signal.error, signal.usage
        self._end(self._response.failed(self._output, signal.error, signal.usage))

    def _write_message_if_empty(self) -> None:
        """An answer of nothing is a message without text: many clients expect at least one item."""
        if not self._has_answer:
            self._open_message(Text(""))
            self._open_part("output_text")
            self._close_item("completed")

    def _end(self, ending: RenderedResponse) -> None:
        self.ending = ending
        self._enter(Open.ENDED)
        if not self._holds_end:
            self._write_end(ending, is_stored=False)

    def _write_end(self, ending: RenderedResponse, *, is_stored: bool) -> None:
        self.final = ending.json(is_stored=is_stored)
        # There is no event for a cancelled response; its status in this one says what it is.
        event = "incomplete" if ending.status == "cancelled" else ending.status
        self._writer.write_response(f"response.{event}", self.final)
        self._writer.write_done()

    # Not made for each composer: one that held its own methods would wait for the garbage collector, and with it the
    # whole request.
    _ROWS: ClassVar[Mapping[Open, _Row]] = _rows(
        {
            Step.OPEN_REASONING: _open_reasoning,
            Step.OPEN_MESSAGE: _open_message,
            Step.OPEN_TEXT: _open_text,
            Step.OPEN_REFUSAL: _open_refusal,
            Step.OPEN_CALL: _open_call,
            Step.APPEND: _append,
            Step.APPEND_ALL: _append_all,
            Step.ANNOTATE: _annotate,
            Step.CLOSE_PART: _end_part,
            Step.WRITE_WHOLE: _write_whole,
            Step.KEEP: _keep,
            Step.CARRY: _carry,
            Step.CLOSE_ITEM: _end_item,
            Step.FINISH: _finish,
            Step.FAIL: _fail,
        }
    )
