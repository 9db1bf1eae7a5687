"""The parts of output items: a text, a refusal, a summary of reasoning, each with its events."""

from collections.abc import Sequence
from typing import Literal

from gateway.codec.json import JSONObject, dumps
from gateway.translate.event_writer import EventWriter
from gateway.translate.logprobs import response_logprobs
from gateway.translate.text_run import TextRun

_PART_EVENTS = {
    "output_text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
}
PART_TEXT = {"output_text": "text", "refusal": "refusal", "reasoning_text": "text"}
"""The member that holds the text, by the type of the part."""


class TextPart:
    """One content part: `content_part.added`, deltas, `done`, `content_part.done`."""

    __slots__ = ("_annotations", "_frames", "_kind", "_logprobs", "_place", "_texts", "_writer")

    def __init__(
        self, writer: EventWriter, kind: Literal["output_text", "refusal", "reasoning_text"], place: JSONObject
    ) -> None:
        self._writer = writer
        self._kind = kind
        self._place = place
        self._texts: list[str] = []
        self._logprobs: list[JSONObject] = []
        self._annotations: list[JSONObject] = []
        tail = b',"logprobs":[]' if kind == "output_text" else b""
        self._frames = writer.deltas(f"{_PART_EVENTS[kind]}.delta", place, tail=tail)
        writer.write("response.content_part.added", **place, part=self._object(""))

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
            extra = b',"logprobs":' + dumps(entries)
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
        index = len(self._annotations)
        self._annotations.append(annotation)
        event = "response.output_text.annotation.added"
        self._writer.write(event, **self._place, annotation_index=index, annotation=annotation)

    def close(self) -> JSONObject:
        """Writes the closing events and returns the whole part."""
        text = "".join(self._texts)
        members: JSONObject = {PART_TEXT[self._kind]: text}
        if self._kind == "output_text":
            members["logprobs"] = self._logprobs
        self._writer.write(f"{_PART_EVENTS[self._kind]}.done", **self._place, **members)
        part = self._object(text)
        self._writer.write("response.content_part.done", **self._place, part=part)
        return part

    def _object(self, text: str) -> JSONObject:
        part: JSONObject = {"type": self._kind, PART_TEXT[self._kind]: text}
        if self._kind == "output_text":
            part |= {"annotations": self._annotations, "logprobs": self._logprobs}
        return part


class SummaryPart:
    """The summary of a reasoning item."""

    __slots__ = ("_frames", "_place", "_texts", "_writer")

    def __init__(self, writer: EventWriter, place: JSONObject) -> None:
        self._writer = writer
        self._place = place
        self._texts: list[str] = []
        self._frames = writer.deltas("response.reasoning_summary_text.delta", place)
        writer.write("response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})

    def append(self, text: str, logprobs: list[JSONObject] | None) -> None:
        self._texts.append(text)
        self._writer.write_delta(self._frames, text)

    def close(self) -> JSONObject:
        text = "".join(self._texts)
        part: JSONObject = {"type": "summary_text", "text": text}
        self._writer.write("response.reasoning_summary_text.done", **self._place, text=text)
        self._writer.write("response.reasoning_summary_part.done", **self._place, part=part)
        return part
