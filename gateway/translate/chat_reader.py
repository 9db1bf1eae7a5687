"""Reads the answer of a Chat Completions upstream, streamed or whole, into signals.

This reader absorbs what servers do differently without being told: fields that are null, absent or doubled,
text in lists, usage in six places, calls in any numbering, errors inside a 200, a JSON body instead of a
stream. What cannot be told from the bytes is a quirk in the settings.
"""

from gateway.codec.json import JSONObject, JSONValue
from gateway.codec.lenient_json import well_formed
from gateway.codec.sse import DONE, ServerSentEvent
from gateway.codec.upstream_error import error_from_object, not_json
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.answer_body import AnswerBody, read_json
from gateway.translate.channels import ReasoningChannel, TextChannel
from gateway.translate.plain_answer import plain_answer
from gateway.translate.plain_chunks import PlainChunks
from gateway.translate.signals import Failure, Finish, Opaque, Outcome, Refusal, Signal, Usage
from gateway.translate.text_run import TextRun
from gateway.translate.tool_fragments import ToolFragments
from gateway.translate.usage import read_usage

_TRUNCATED = {"length", "max_tokens", "model_length", "model_context_window_exceeded"}
_FILTERED = {"content_filter", "sensitive", "safety", "refusal", "recitation"}
_REASONING = frozenset({"reasoning_content", "reasoning", "reasoning_text", "reasoning_details"})
_BROKEN = {"error", "abort", "aborted", "network_error", "insufficient_system_resource"}


class ChatReader:
    """One answer: `feed` its body in any pieces, then `finish`. Both return the signals that became certain.

    Args:
        quirks: how this upstream differs from the tolerant default.
        max_event_bytes: the most bytes of one event of a stream.
        max_response_bytes: the most bytes of the whole body.
    """

    __slots__ = (
        "_body",
        "_calls",
        "_finish_reason",
        "_legacy",
        "_message",
        "_plain",
        "_quirks",
        "_reasoning",
        "_run",
        "_said_done",
        "_text",
        "_usage",
        "is_over",
    )

    def __init__(self, quirks: Quirks, *, max_event_bytes: int, max_response_bytes: int) -> None:
        self._body = AnswerBody(max_event_bytes=max_event_bytes, max_response_bytes=max_response_bytes)
        self._plain = PlainChunks()
        self._quirks = quirks
        self._text = TextChannel(quirks)
        self._reasoning: ReasoningChannel | None = None
        self._calls: ToolFragments | None = None
        self._legacy: tuple[ToolFragments, list[Signal]] | None = None
        """Calls in the form that OpenAI had first, and what was read of them."""
        self._message: JSONObject | None = None
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._said_done = False
        self._run: TextRun | None = None
        """What may have gone past this reader since the last piece."""
        self.is_over = False
        """Nothing that follows in the body matters: the end or a failure has been read."""

    def feed(self, chunk: bytes) -> list[Signal]:
        """The signals that this piece of the body completes."""
        if self.is_over:
            return []
        if self._run is not None:
            self._end_run(self._run)
        try:
            events = self._body.feed(chunk)
        except GatewayError as error:
            return self._fail(error)
        return self._read_events(events)

    def text_run(self) -> TextRun | None:
        """The short way for pieces that are nothing but more of the text, if such may come now.

        It ends with the next call of `feed`, which has to be made for all else.
        """
        if self.is_over or self._said_done or not self._text.is_plain or not self._body.is_between_events:
            return None
        self._run = self._plain.run(self._body.room)
        return self._run

    def _end_run(self, run: TextRun) -> None:
        if run.room < self._body.room:
            self._body.room = run.room
            self._plain.was_useful()
        self._run = None

    def finish(self) -> list[Signal]:
        """The signals owed at the end of the body; the last one is a Finish or a Failure."""
        if self.is_over:
            return []
        whole = self._body.whole
        signals = self._read_events(self._body.finish()) if whole is None else self._read_whole_body(whole)
        return signals if self.is_over else signals + self._end()

    def fail(self, error: GatewayError) -> list[Signal]:
        """The signals owed when the body cannot be read to its end."""
        return [] if self.is_over else self._fail(error)

    def _read_events(self, events: list[ServerSentEvent]) -> list[Signal]:
        signals: list[Signal] = []
        plain, at = self._plain, len(events) if self._said_done else 0
        head = plain.head
        while at < len(events):
            name, data = events[at]
            if head and data.startswith(head) and (texts := plain.texts(events, at)):
                signals += self._text.feed_all(texts)
                at += len(texts)
                continue
            at += 1
            if data == DONE:
                self._said_done = True
                # Without a reason only the body's own end tells: llama-cpp-python says it, too, where it breaks off.
                return signals + self._end() if self._finish_reason else signals
            try:
                chunk = read_json(data)
            except GatewayError as error:
                return signals + self._fail(error)
            if isinstance(chunk, dict):
                if plain.learn(data, chunk):
                    head = plain.head
                self._read_chunk(chunk, signals, is_error=name == b"error")
                if self.is_over:
                    return signals
        return signals

    def _read_whole_body(self, body: bytes) -> list[Signal]:
        try:
            chunk = read_json(body)
        except GatewayError as error:
            return self._fail(error)
        if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict):
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            return self._fail(not_json(body))
        if not isinstance(chunk.get("choices"), list) and "error" not in chunk:
            chunk = {"error": chunk}
        self._said_done = True
        if signals := plain_answer(chunk, self._quirks):
            self.is_over = True
        else:
            self._read_chunk(chunk, signals, is_error=False)
        return signals

    def _read_chunk(self, chunk: JSONObject, signals: list[Signal], *, is_error: bool) -> None:
        choices = chunk.get("choices")
        choice = _first_choice(choices) if choices else None
        if choice is not None:
            self._read_choice(choice, signals)
        if chunk.get("usage") or "x_groq" in chunk or (choice is not None and "usage" in choice):
            self._usage = read_usage(chunk) or self._usage
        error = chunk.get("error") or (chunk if is_error else None)
        if "base_resp" in chunk:
            error = error or _base_error(chunk["base_resp"])
        if error:
            signals += self._fail(error_from_object(error))

    def _read_choice(self, choice: JSONObject, signals: list[Signal]) -> None:
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._finish_reason = reason.lower()
        delta = choice.get("delta")
        if delta and isinstance(delta, dict):
            self._read_delta(delta, choice.get("logprobs"), signals)
        message = choice.get("message")
        if isinstance(message, dict):
            self._message = {**message, "logprobs": choice.get("logprobs")}

    def _read_delta(self, delta: JSONObject, logprobs: JSONValue, signals: list[Signal]) -> None:
        content = delta.get("content")
        if isinstance(content, list):
            self._read_parts(content, signals)
            content = None
        if reasoning := _reasoning_text(delta):
            signals += self._text.pause()
            signals += self._reasoned(reasoning)
        if self._quirks.reasoning_field == "reasoning_details" and (details := delta.get("reasoning_details")):
            signals += _opaque_details(details)
        if content and isinstance(content, str):
            signals += self._text.feed(content, _entries(logprobs))
        if (refusal := delta.get("refusal")) and isinstance(refusal, str):
            signals += self._text.pause()
            signals.append(Refusal(well_formed(refusal)))
        if calls := delta.get("tool_calls"):
            self._read_calls(calls, signals)
        if legacy := delta.get("function_call"):
            if self._legacy is None:
                self._legacy = ToolFragments(), []
            fragments, read = self._legacy
            read += fragments.feed({"index": 0, "function": legacy})

    def _reasoned(self, text: str) -> list[Signal]:
        if self._reasoning is None:
            self._reasoning = ReasoningChannel(self._quirks)
        return self._reasoning.feed(text)

    def _read_parts(self, parts: list[JSONValue], signals: list[Signal]) -> None:
        """Content as a list of parts, as Mistral sends it: `text` and `thinking`."""
        for part in parts:
            if not isinstance(part, dict):
                continue
            if part.get("type") == "thinking":
                signals += self._reasoned(_joined_text(part.get("thinking")))
            elif isinstance(text := part.get("text"), str):
                signals += self._text.feed(text, None)

    def _read_calls(self, calls: JSONValue, signals: list[Signal]) -> None:
        if not isinstance(calls, list):
            return
        if self._calls is None:
            self._calls = ToolFragments()
        for fragment in calls:
            if self._quirks.tool_extra_content:
                signals += _opaque_extra(fragment)
            fragments = self._calls.feed(fragment)
            if fragments:
                signals += self._text.stop()
                signals += fragments

    def _end(self) -> list[Signal]:
        """The signals at the end of the body, or at a `[DONE]` after a reason."""
        signals: list[Signal] = []
        if self._message is not None and not self._has_output():
            self._read_delta({**self._message}, self._message.get("logprobs"), signals)
        if not self._finish_reason and not self._said_done:
            return signals + self._fail(_cut_off(has_output=self._has_output()))
        if self._finish_reason in _BROKEN:
            word = self._finish_reason
            error = GatewayError(ErrorKind.UPSTREAM_ERROR, f"The upstream broke off: {word}.", upstream_code=word)
            return signals + self._fail(error)
        outcome = _outcome(self._finish_reason)
        signals += self._close(is_whole=outcome is Outcome.COMPLETED)
        self.is_over = True
        return [*signals, Finish(outcome, self._usage)]

    def _fail(self, error: GatewayError) -> list[Signal]:
        signals = self._close(is_whole=False)
        self.is_over = True
        return [*signals, Failure(error.caught(), self._usage)]

    def _close(self, *, is_whole: bool) -> list[Signal]:
        """What the channels still hold; the legacy form of calls counts only where there is no other."""
        has_calls = self._has_calls()
        owed = self._reasoning.finish() if self._reasoning is not None else []
        owed += self._text.finish(has_calls=has_calls)
        if self._calls:
            return owed + self._calls.finish(is_whole=is_whole)
        if self._legacy is not None:
            fragments, read = self._legacy
            return owed + read + fragments.finish(is_whole=is_whole)
        return owed

    def _has_calls(self) -> bool:
        return bool(self._calls or (self._legacy is not None and self._legacy[0]))

    def _has_output(self) -> bool:
        return self._has_calls() or self._text.was_used or self._reasoning is not None


def _first_choice(choices: JSONValue) -> JSONObject | None:
    """Choice 0, or one without a number; others belong to an `n` that the gateway never asks for."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def _reasoning_text(delta: JSONObject) -> str:
    """The first reasoning field that holds text: the same text in two fields counts once."""
    if _REASONING.isdisjoint(delta):
        return ""
    for name in ("reasoning_content", "reasoning", "reasoning_text"):
        value = delta.get(name)
        if value and isinstance(value, str):
            return value
    details = delta.get("reasoning_details")
    return _joined_text(details) if details else ""


def _opaque_details(details: JSONValue) -> list[Signal]:
    entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
    return [Opaque("reasoning_details", entries)] if entries else []


def _opaque_extra(fragment: JSONValue) -> list[Signal]:
    """Gemini's thought signature comes with a call and must come back with it."""
    if not isinstance(fragment, dict) or not isinstance(fragment.get("extra_content"), dict):
        return []
    call_id = fragment.get("id")
    return [Opaque("extra_content", fragment["extra_content"], call_id if isinstance(call_id, str) else "")]


def _joined_text(value: JSONValue) -> str:
    """The text of a string or of a list of objects that have `text` or `summary`."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = (entry.get("text") or entry.get("summary") for entry in value if isinstance(entry, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _entries(logprobs: JSONValue) -> list[JSONObject] | None:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else None


def _base_error(base: JSONValue) -> JSONObject | None:
    """MiniMax reports errors beside a 200 as `base_resp`."""
    if isinstance(base, dict) and base.get("status_code"):
        return {"message": base.get("status_msg"), "code": base.get("status_code")}
    return None


def _outcome(finish_reason: str) -> Outcome:
    if finish_reason in _TRUNCATED:
        return Outcome.MAX_OUTPUT_TOKENS
    return Outcome.CONTENT_FILTER if finish_reason in _FILTERED else Outcome.COMPLETED


def _cut_off(*, has_output: bool) -> GatewayError:
    text = "The upstream closed the stream before its end." if has_output else "The upstream sent an empty answer."
    return GatewayError(ErrorKind.UPSTREAM_ERROR, text, upstream_code="cut_off")
