"""Reads the answer of an upstream that speaks Responses, streamed or whole, into signals.

Such an answer could pass as it is if servers were right. Many are half right: they leave events out, change ids from
event to event, number everything 0, or end without an end. Read into signals and composed anew, their streams come
out right by construction. Only what a client could not run or show is lost: the progress of hosted tools.
"""

from collections.abc import Callable

from gateway.codec.json import JSONObject, JSONValue
from gateway.codec.sse import DONE, ServerSentEvent
from gateway.codec.upstream_error import error_from_object, not_json
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.answer_body import AnswerBody, read_json
from gateway.translate.native_answer import NativeAnswer
from gateway.translate.native_items import log_entries
from gateway.translate.signals import Failure, Finish, Outcome, Signal, Usage
from gateway.translate.usage import read_usage

_ENDS = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
"""Terminal events, with the status that counts where the Response itself has none."""

_FILTERED = {"content_filter", "safety", "sensitive", "refusal"}
_REFUSED = {"invalid_prompt", "invalid_request_error"}
"""Codes of failures that every repetition would bring again; so do those that are about a picture."""

_CHANNELS = {
    "response.output_text": ("message", "text", "text"),
    "response.refusal": ("message", "refusal", "refusal"),
    "response.reasoning_text": ("reasoning", "content", "text"),
    "response.reasoning": ("reasoning", "content", "text"),
    "response.reasoning_summary_text": ("reasoning", "summary", "text"),
    "response.reasoning_summary": ("reasoning", "summary", "text"),
}
"""The kind of item, its channel, and the member of the `done` event that has the whole text."""

_CALLS = {
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
}


class NativeReader:
    """One answer: `feed` its body in any pieces, then `finish`. Both return the signals that became certain.

    Args:
        max_event_bytes: the most bytes of one event of a stream.
        max_response_bytes: the most bytes of the whole body.
    """

    __slots__ = ("_answer", "_body", "_usage", "is_over")

    def __init__(self, *, max_event_bytes: int, max_response_bytes: int) -> None:
        self._body = AnswerBody(max_event_bytes=max_event_bytes, max_response_bytes=max_response_bytes)
        self._answer = NativeAnswer()
        self._usage: Usage | None = None
        self.is_over = False
        """Nothing that follows in the body matters: the end or a failure has been read."""

    def feed(self, chunk: bytes) -> list[Signal]:
        """The signals that this piece of the body completes."""
        if self.is_over:
            return []
        try:
            return self._read_events(self._body.feed(chunk))
        except GatewayError as error:
            return self._fail(error)

    def text_run(self) -> None:
        """There is no shorter way than `feed`."""

    def finish(self) -> list[Signal]:
        """The signals owed at the end of the body; the last one is a Finish or a Failure."""
        if self.is_over:
            return []
        try:
            if (whole := self._body.whole) is not None:
                return self._read_whole(whole)
            signals = self._read_events(self._body.finish())
        except GatewayError as error:
            return self._fail(error)
        return signals if self.is_over else signals + self._fail(self._cut_off())

    def fail(self, error: GatewayError) -> list[Signal]:
        """The signals owed when the body cannot be read to its end."""
        return [] if self.is_over else self._fail(error)

    def _read_events(self, events: list[ServerSentEvent]) -> list[Signal]:
        """Raises GatewayError for data that is not JSON; what came before it is still to be taken."""
        signals: list[Signal] = []
        for name, data in events:
            if data == DONE:
                return signals + self._end_without_event()
            event = read_json(data)
            if isinstance(event, dict):
                signals += self._read_event(str(event.get("type") or name.decode("utf-8", "replace")), event)
            if self.is_over:
                break
        return signals + self._answer.take()

    def _read_event(self, name: str, event: JSONObject) -> list[Signal]:
        """Most events only add to the answer; signals come from those that end it."""
        if (read := _EVENTS.get(name)) is not None:
            read(self._answer, event)
            return []
        if name in _ENDS:
            response = event.get("response")
            return self._end(response if isinstance(response, dict) else {}, _ENDS[name])
        if name == "error" or event.get("error"):
            error = event.get("error") or {key: value for key, value in event.items() if key != "type"}
            return self._fail(_error(error))
        return []

    def _read_whole(self, body: bytes) -> list[Signal]:
        value = read_json(body)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if not isinstance(value, dict):
            raise not_json(body)
        if not isinstance(value.get("output"), list):
            raise _error(value.get("error") or value)
        return self._end(value, "completed")

    def _end(self, response: JSONObject, implied: str) -> list[Signal]:
        self._usage = read_usage(response) or self._usage
        status = response.get("status")
        status = status if status in _ENDS.values() else implied
        reason = _reason(response.get("incomplete_details"))
        if status in ("failed", "cancelled"):
            word = "cancelled" if status == "cancelled" else None
            return self._fail(_error(response.get("error") or {"message": "The upstream broke off.", "code": word}))
        outcome = Outcome.COMPLETED
        if status == "incomplete" or reason:
            outcome = Outcome.CONTENT_FILTER if reason in _FILTERED else Outcome.MAX_OUTPUT_TOKENS
        self._answer.reconcile(response.get("output"))
        return self._finish(outcome)

    def _end_without_event(self) -> list[Signal]:
        """`[DONE]` alone is an end too, unless it comes in the middle of a call or of nothing."""
        if not self._answer.has_items or self._answer.has_open_call:
            return self._fail(self._cut_off())
        return self._finish(Outcome.COMPLETED)

    def _finish(self, outcome: Outcome) -> list[Signal]:
        self.is_over = True
        self._answer.end(is_whole=outcome is Outcome.COMPLETED)
        return [*self._answer.take(), Finish(outcome, self._usage)]

    def _fail(self, error: GatewayError) -> list[Signal]:
        self.is_over = True
        self._answer.end(is_whole=False)
        return [*self._answer.take(), Failure(error.caught(), self._usage)]

    def _cut_off(self) -> GatewayError:
        has_output = self._answer.has_items
        text = "The upstream closed the stream before its end." if has_output else "The upstream sent an empty answer."
        return GatewayError(ErrorKind.UPSTREAM_ERROR, text, upstream_code="cut_off")


def _text_delta(name: str) -> Callable[[NativeAnswer, JSONObject], None]:
    kind, channel, _ = _CHANNELS[name]

    def read(answer: NativeAnswer, event: JSONObject) -> None:
        delta = event.get("delta")
        delta = delta.get("text") if isinstance(delta, dict) else delta
        if isinstance(delta, str) and delta and (item := answer.text(kind, event)) is not None:
            item.delta(channel, _part_index(event), delta, log_entries(event.get("logprobs")))

    return read


def _text_done(name: str) -> Callable[[NativeAnswer, JSONObject], None]:
    kind, channel, member = _CHANNELS[name]

    def read(answer: NativeAnswer, event: JSONObject) -> None:
        text = event.get(member)
        if isinstance(text, str) and text and (item := answer.text(kind, event)) is not None:
            item.part_done(channel, _part_index(event), text, log_entries(event.get("logprobs")))

    return read


def _call_delta(name: str) -> Callable[[NativeAnswer, JSONObject], None]:
    def read(answer: NativeAnswer, event: JSONObject) -> None:
        delta = event.get("delta")
        if isinstance(delta, str) and (item := answer.call(_CALLS[name][0], event)) is not None:
            item.delta(delta)

    return read


def _call_done(name: str) -> Callable[[NativeAnswer, JSONObject], None]:
    kind, member = _CALLS[name]

    def read(answer: NativeAnswer, event: JSONObject) -> None:
        if (item := answer.call(kind, event)) is not None:
            item.announce({"name": event.get("name"), "call_id": event.get("call_id")})
            item.all_said(event.get(member))

    return read


_PART_KINDS = {
    "output_text": ("message", "text", "text"),
    "text": ("message", "text", "text"),
    "refusal": ("message", "refusal", "refusal"),
    "reasoning_text": ("reasoning", "content", "text"),
    "summary_text": ("reasoning", "summary", "text"),
}


def _part_added(answer: NativeAnswer, event: JSONObject) -> None:
    part = event.get("part")
    if isinstance(part, dict) and part.get("type") in _PART_KINDS:
        item = answer.text(_PART_KINDS[part["type"]][0], event)
        if item is not None:
            item.part_added()


def _part_done(answer: NativeAnswer, event: JSONObject) -> None:
    part = event.get("part")
    if not isinstance(part, dict) or part.get("type") not in _PART_KINDS:
        return
    kind, channel, member = _PART_KINDS[part["type"]]
    item, text = answer.text(kind, event), part.get(member)
    if item is not None and isinstance(text, str) and text:
        item.part_done(channel, _part_index(event), text, log_entries(part.get("logprobs")))
        item.annotate_all(part.get("annotations"))


def _annotation(answer: NativeAnswer, event: JSONObject) -> None:
    item = answer.text("message", event)
    if item is not None:
        item.annotate(event.get("annotation"))


def _part_index(event: JSONObject) -> JSONValue:
    return event.get("content_index", event.get("summary_index"))


_EVENTS: dict[str, Callable[[NativeAnswer, JSONObject], None]] = {
    "response.output_item.added": lambda answer, event: answer.added(event),
    "response.output_item.done": lambda answer, event: answer.done(event),
    "response.content_part.added": _part_added,
    "response.content_part.done": _part_done,
    "response.reasoning_summary_part.added": _part_added,
    "response.reasoning_summary_part.done": _part_done,
    "response.output_text.annotation.added": _annotation,
    **{f"{name}.delta": _text_delta(name) for name in _CHANNELS},
    **{f"{name}.done": _text_done(name) for name in _CHANNELS},
    **{f"{name}.delta": _call_delta(name) for name in _CALLS},
    **{f"{name}.done": _call_done(name) for name in _CALLS},
}


def _reason(details: JSONValue) -> str:
    reason = details.get("reason") if isinstance(details, dict) else None
    return reason if isinstance(reason, str) else ""


def _error(error: JSONValue) -> GatewayError:
    """The failure that the upstream tells; one that is the request's own fault is not worth a repetition."""
    found = error_from_object(error)
    words = {str(error.get(name)) for name in ("code", "type")} if isinstance(error, dict) else set()
    is_refusal = words & _REFUSED or any("image" in word for word in words)
    if is_refusal and found.kind is ErrorKind.UPSTREAM_ERROR:
        found.kind = ErrorKind.UPSTREAM_REJECTED
    return found
