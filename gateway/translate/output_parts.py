"""The parts of output items: a text, a refusal, a summary of reasoning, each with its events."""

from collections.abc import Sequence
from typing import Literal

from gateway.codec.json import JSONObject, dumps_to_join
from gateway.translate.event_writer import EventWriter
from gateway.translate.logprobs import response_logprobs
from gateway.translate.text_run import TextRun

TextKind = Literal["output_text", "refusal", "reasoning_text"]

_EVENTS = {
    "output_text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
}
_FORMS = {
    "output_text": b'{"type":"output_text","text":%b,"annotations":%b,"logprobs":%b}',
    "refusal": b'{"type":"refusal","refusal":%b}',
    "reasoning_text": b'{"type":"reasoning_text","text":%b}',
}
_OPENED = {
    "output_text": b'"part":' + _FORMS["output_text"] % (b'""', b"[]", b"[]"),
    "refusal": b'"part":' + _FORMS["refusal"] % b'""',
    "reasoning_text": b'"part":' + _FORMS["reasoning_text"] % b'""',
}
_SUMMARY = b'{"type":"summary_text","text":%b}'
_OPENED_SUMMARY = b'"part":' + _SUMMARY % b'""'


class TextPart:
    """One content part: `content_part.added`, deltas, `done`, `content_part.done`.

    Args:
        writer: gets the events.
        kind: its type.
        place: the members that say where it belongs, as JSON without the braces.
    """

    __slots__ = ("_annotations", "_frames", "_kind", "_logprobs", "_place", "_texts", "_writer")

    def __init__(self, writer: EventWriter, kind: TextKind, place: bytes) -> None:
        self._writer = writer
        self._kind = kind
        self._place = place
        self._texts: list[str] = []
        self._logprobs: list[JSONObject] = []
        self._annotations: list[JSONObject] = []
        tail = b',"logprobs":[]' if kind == "output_text" else b""
        self._frames = writer.deltas(f"{_EVENTS[kind]}.delta", place, tail=tail)
        writer.write_rendered("response.content_part.added", place, _OPENED[kind])

    @property
    def characters(self) -> int:
        """How many there are until now."""
        return sum(map(len, self._texts))

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._texts.append(text)
        extra = None
        if logprobs:
            entries = response_logprobs(logprobs)
            self._logprobs += entries
            extra = b',"logprobs":' + dumps_to_join(entries)
        self._writer.write_delta(self._frames, text, extra)

    def extend(self, texts: Sequence[str]) -> None:
        """Several pieces without log probabilities."""
        self._texts += texts
        self._writer.write_deltas(self._frames, texts)

    def lead(self, run: TextRun) -> TextRun:
        """Has the texts of the run go on with this part."""
        return run.into(self._texts, self._frames, self._writer)

    def annotate(self, annotation: JSONObject) -> None:
        """Attaches a source to the text."""
        members = {"annotation_index": len(self._annotations), "annotation": annotation}
        self._annotations.append(annotation)
        event = "response.output_text.annotation.added"
        self._writer.write_rendered(event, self._place, dumps_to_join(members)[1:-1])

    def close(self) -> bytes:
        """Writes the closing events and returns the whole part as JSON; the text is rendered once for all of them."""
        text, logprobs = dumps_to_join("".join(self._texts)), _rendered(self._logprobs)
        if self._kind == "output_text":
            part = output_text(text, _rendered(self._annotations), logprobs)
        else:
            part = _FORMS[self._kind] % text
        if not self._writer.is_mute:
            self._write_end(text, logprobs, part)
        return part

    def _write_end(self, text: bytes, logprobs: bytes, part: bytes) -> None:
        members = b'"refusal":%b' % text if self._kind == "refusal" else b'"text":%b' % text
        if self._kind == "output_text":
            members += b',"logprobs":%b' % logprobs
        self._writer.write_rendered(f"{_EVENTS[self._kind]}.done", self._place, members)
        self._writer.write_rendered("response.content_part.done", self._place, b'"part":' + part)


def output_text(text: bytes, annotations: bytes = b"[]", logprobs: bytes = b"[]") -> bytes:
    """A part of visible text; all of it is JSON already."""
    return _FORMS["output_text"] % (text, annotations, logprobs)


def _rendered(entries: list[JSONObject]) -> bytes:
    return dumps_to_join(entries) if entries else b"[]"


class SummaryPart:
    """The summary of a reasoning item; the arguments are those of `TextPart`."""

    __slots__ = ("_frames", "_place", "_texts", "_writer")

    def __init__(self, writer: EventWriter, place: bytes) -> None:
        self._writer = writer
        self._place = place
        self._texts: list[str] = []
        self._frames = writer.deltas("response.reasoning_summary_text.delta", place)
        writer.write_rendered("response.reasoning_summary_part.added", place, _OPENED_SUMMARY)

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._texts.append(text)
        self._writer.write_delta(self._frames, text)

    def close(self) -> bytes:
        """Writes the closing events and returns the whole part as JSON."""
        text = dumps_to_join("".join(self._texts))
        part = _SUMMARY % text
        self._writer.write_rendered("response.reasoning_summary_text.done", self._place, b'"text":' + text)
        self._writer.write_rendered("response.reasoning_summary_part.done", self._place, b'"part":' + part)
        return part
