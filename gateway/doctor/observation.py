"""One answer to a probe, read as the gateway would read it, and a little closer.

Pure: bytes in, an `Observation` out. What it means for the upstream is decided in `gateway.doctor.readings`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.codec.json import JSONObject, JSONValue
from gateway.codec.lenient_json import loads_leniently
from gateway.codec.sse import DONE, SSEDecoder
from gateway.codec.upstream_error import error_from_response
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.chat_reader import ChatReader
from gateway.translate.signals import (
    CallArguments,
    CallStart,
    Failure,
    Finish,
    Outcome,
    Reasoning,
    Signal,
    Text,
    Texts,
    Usage,
)
from gateway.upstream.client import RawAnswer

_MOST_BYTES = 16 * 1024 * 1024
_THOUGHT = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
_UNCLEAR = frozenset(
    {
        ErrorKind.INSUFFICIENT_QUOTA,
        ErrorKind.RATE_LIMITED,
        ErrorKind.TIMEOUT,
        ErrorKind.UPSTREAM_CREDENTIALS,
        ErrorKind.UPSTREAM_OVERLOADED,
        ErrorKind.UPSTREAM_TLS,
        ErrorKind.UPSTREAM_UNREACHABLE,
    }
)
"""Errors that say nothing about what was asked."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one answer says.

    Args:
        status: the HTTP status, 0 if there was no answer.
        error: why there is no usable answer.
        text: the visible text, with the tags that are in it.
        calls: the tool calls.
        members: the members of deltas or messages that held something.
        outcome: how the model ended, None if it did not.
        usage: what the upstream counted.
        is_stream: whether the body is a stream of events.
        said_done: whether the stream ended with `[DONE]`.
        is_left: whether it grew so long that nobody listened to its end.
    """

    status: int
    error: GatewayError | None = None
    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    members: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    usage: Usage | None = None
    is_stream: bool = False
    said_done: bool = False
    is_left: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all in it."""
        return not (self.text or self.reasoning or self.calls)

    @property
    def is_refusal(self) -> bool:
        """Whether the upstream did not take what was asked."""
        return self.error is not None and not self.is_unclear

    @property
    def is_unclear(self) -> bool:
        """Whether something happened that says nothing about what was asked."""
        return self.error is not None and (self.error.kind in _UNCLEAR or not (self.is_empty or self.error.is_reported))

    @property
    def is_cut(self) -> bool:
        """Whether the model was stopped by a limit, so that what is missing might have come."""
        return self.is_left or self.outcome is Outcome.MAX_OUTPUT_TOKENS

    @property
    def answer(self) -> str:
        """The text after everything that was thought aloud."""
        return _THOUGHT.sub("", self.text).strip()


def failed(error: GatewayError) -> Observation:
    """The observation that there was no answer."""
    return Observation(0, error)


def observe(reply: RawAnswer) -> Observation:
    """What the answer says."""
    if not 200 <= reply.status < 300:
        return Observation(reply.status, error_from_response(reply.status, {}, reply.body))
    is_stream = reply.body.lstrip()[:1] not in (b"{", b"[", b"<", b"")
    chunks = list(_chunks(reply.body, is_stream=is_stream))
    signals = _signals(reply)
    finish = next((one for one in signals if isinstance(one, Finish)), None)
    failure = next((one for one in signals if isinstance(one, Failure)), None)
    return Observation(
        reply.status,
        error=failure.error if failure else None,
        text="".join(map(_text, signals)),
        reasoning="".join(one.text for one in signals if isinstance(one, Reasoning)),
        calls=_calls(signals),
        members=frozenset(name for chunk in chunks for name in _members(chunk)),
        outcome=finish.outcome if finish else None,
        usage=finish.usage if finish else None,
        is_stream=is_stream,
        said_done=is_stream and any(data == DONE for _, data in _events(reply.body)),
        is_left=reply.ending == "left",
    )


def _signals(reply: RawAnswer) -> list[Signal]:
    reader = ChatReader(Quirks(), max_event_bytes=_MOST_BYTES, max_response_bytes=_MOST_BYTES)
    signals = reader.feed(reply.body)
    if reply.ending == "whole":
        return signals + reader.finish()
    if reply.ending == "broken":
        error = GatewayError(ErrorKind.UPSTREAM_ERROR, "The upstream closed the connection in the middle.")
        return signals + reader.fail(error)
    return signals


def _text(signal: Signal) -> str:
    match signal:
        case Text(text):
            return text
        case Texts(texts):
            return "".join(texts)
        case _:
            return ""


def _calls(signals: list[Signal]) -> tuple[Call, ...]:
    calls: list[Call] = []
    for signal in signals:
        if isinstance(signal, CallStart):
            calls.append(Call(signal.name, ""))
        elif isinstance(signal, CallArguments):
            calls[-1] = Call(calls[-1].name, calls[-1].arguments + signal.fragment)
    return tuple(calls)


def _events(body: bytes) -> Iterator[JSONValue]:
    decoder = SSEDecoder(max_event_bytes=_MOST_BYTES)
    yield from decoder.feed(body)
    if (last := decoder.finish()) is not None:
        yield last


def _chunks(body: bytes, *, is_stream: bool) -> Iterator[JSONObject]:
    for data in [data for _, data in _events(body)] if is_stream else [body]:
        try:
            chunk = loads_leniently(data)
        except ValueError:
            continue
        if isinstance(chunk, dict):
            yield chunk


def _members(chunk: JSONObject) -> Iterator[str]:
    """The members with something in them; content in parts gives the types of the parts too."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    for holder in (choice.get("delta"), choice.get("message")):
        for name, value in holder.items() if isinstance(holder, dict) else ():
            if value:
                yield name
            if name == "content" and isinstance(value, list):
                yield from (str(part.get("type")) for part in value if isinstance(part, dict))
