"""One exchange's translation: bytes of an upstream's answer in, Responses events out.

This is the whole product as one sans-IO object. It never waits, logs or looks at a clock: the time and the ids
are arguments.
"""

from collections.abc import Callable

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.translate.chat_reader import ChatReader
from gateway.translate.composer import Composer, MintId
from gateway.translate.event_writer import EventWriter
from gateway.translate.native_reader import NativeReader
from gateway.translate.request import ChatPlan
from gateway.translate.response_object import PendingStatus, RenderedResponse, ResponseObject
from gateway.translate.sealed import Seal
from gateway.translate.signals import Failure, Finish, Opaque, Outcome, Signal, Usage
from gateway.translate.text_run import TextRun

EMPTY_ANSWER = "empty_answer"
"""The code of an answer that ended well and said nothing."""


class Translation:
    """Feeds a reader and a composer.

    `begin`, `release`, `feed`, `finish`, `fail` and `keep_alive` return whole SSE frames, which are empty when nothing
    is to be sent. After the first call that reaches the end (`is_over`), nothing more comes out.

    At first one may `listen` instead of `feed`: what is read is held back, so that an answer that fails before it has
    said anything can still be replaced by that of another upstream (`restart`).

    Args:
        plan: what was asked.
        provider: limits and quirks of the upstream that answers.
        mint_id: makes the ids of the response, its items and its calls.
        created_at: when the request came, in seconds since the epoch.
        now: the time in seconds since the epoch, whenever it is needed.
        input_bytes: the size of the Chat request, for an upstream that reports no usage.
        seal: seals what must come back on the next turn.
        holds_end: the terminal event waits for `conclude`, which says whether the response is stored.
    """

    __slots__ = (
        "_composer",
        "_created_at",
        "_has_begun",
        "_held",
        "_holds_end",
        "_is_background",
        "_mint_id",
        "_now",
        "_reader",
        "_response",
        "_run",
        "_seal",
        "_secret",
        "_writer",
        "ending",
        "is_over",
        "response_id",
    )

    def __init__(
        self,
        plan: ChatPlan,
        provider: ProviderSettings,
        *,
        mint_id: MintId,
        created_at: int,
        now: Callable[[], int],
        input_bytes: int,
        seal: Seal | None = None,
        holds_end: bool = False,
    ) -> None:
        self._now = now
        self._holds_end = holds_end
        self._mint_id = mint_id
        self._seal = seal
        self._created_at = created_at
        self.response_id = mint_id("resp")
        self._writer = EventWriter()
        self._response = ResponseObject(self.response_id, created_at, plan.echo)
        self._is_background = bool(plan.echo["background"])
        self.is_over = False
        """Whether the answer is over: the terminal event has been written, or waits for `conclude`."""
        self.ending: RenderedResponse | None = None
        """The Response of the terminal event then, before it is known whether it is stored."""
        self._has_begun = False
        self._held: list[Signal] = []
        self._run: TextRun | None = None
        """The short way of the next pieces, if they may be nothing but more of a text that is open."""
        self._secret = provider.api_key
        self._reader = _reader(provider)
        self._composer = self._compose_for(plan, provider, input_bytes)

    def _compose_for(self, plan: ChatPlan, provider: ProviderSettings, input_bytes: int) -> Composer:
        return Composer(
            self._response,
            plan.tools,
            mint_id=self._mint_id,
            reasoning_events=provider.reasoning_events,
            seal=self._seal,
            provider=provider.name,
            compacts=plan.compacts,
            input_bytes=input_bytes,
            now=self._now,
            writer=self._writer,
            holds_end=self._holds_end,
        )

    def restart(self, plan: ChatPlan, provider: ProviderSettings, *, input_bytes: int) -> None:
        """Another upstream answers instead; possible as long as nothing of an answer was put out.

        What was announced already, as the id and what the Response repeats of the request, stays.
        """
        if self.has_spoken:
            raise RuntimeError("an answer has been put out")
        if not self._has_begun:
            self._response = ResponseObject(self.response_id, self._created_at, plan.echo)
        self._held.clear()
        self._secret = provider.api_key
        self._reader = _reader(provider)
        self._composer = self._compose_for(plan, provider, input_bytes)

    @property
    def is_announced(self) -> bool:
        """Whether the terminal event has been written."""
        return self._composer.final is not None

    def pending(self, status: PendingStatus) -> RenderedResponse:
        """The Response before its end."""
        return self._response.pending(status)

    @property
    def final(self) -> bytes | None:
        """The Response of the terminal event as JSON: the body of an answer that is not streamed."""
        return self._composer.final

    @property
    def has_output(self) -> bool:
        """Whether the Response of the terminal event has any output item."""
        return self._composer.has_output

    @property
    def has_spoken(self) -> bool:
        """Whether anything of an answer was put out: then no other upstream can answer instead."""
        return self._composer.has_item or self.is_over

    @property
    def error(self) -> GatewayError | None:
        """Why the response failed, if it did."""
        return self._composer.error

    @property
    def termination(self) -> str:
        """The word for how far the response is, or how it ended."""
        return self.ending.status if self.ending is not None else "in_progress"

    @property
    def usage(self) -> Usage:
        """What the answer has cost until now: as reported, or else a guess, marked as one."""
        return self._composer.usage

    def mute(self) -> None:
        """Nobody reads the frames, so that there are none: the Response of the terminal event holds it all."""
        self._writer.is_mute, self._run = True, None

    def begin(self) -> bytes:
        """The frames that open a stream."""
        self._has_begun = True
        if self._writer.is_mute:
            return b""
        return self._composer.begin(is_queued=self._is_background)

    def listen(self, chunk: bytes) -> bool:
        """Reads the next bytes of the body, or its end if there are none; says whether the answer has begun or ended.

        The answer is held back: `disappointment` says whether it is one, and `release` gives it out.
        """
        self._held += self._discreet(self._reader.feed(chunk) if chunk else self._reader.finish())
        return bool(self._held and _words(self._held))

    @property
    def disappointment(self) -> GatewayError | None:
        """Why there is no word although the answer is over; None if there is one, or the model stopped for a reason."""
        match _words(self._held):
            case [Failure(error)]:
                return error
            case [Finish(Outcome.COMPLETED)]:
                message = "The upstream sent an empty answer."
                return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=EMPTY_ANSWER)
            case _:
                return None

    def release(self) -> bytes:
        """The frames for what was held back."""
        held, self._held = self._held, []
        return self._compose(held)

    def feed(self, chunk: bytes) -> bytes:
        """The frames for the next bytes of the upstream's body."""
        if (run := self._run) is not None and (frames := run.feed(chunk)):
            return frames
        frames = self._compose(self._discreet(self._reader.feed(chunk)))
        if (part := self._composer.text_part) is not None and not self._writer.is_mute:
            run = self._reader.text_run()
            self._run = run and part.lead(run)
        return frames

    def finish(self) -> bytes:
        """The frames at the end of the upstream's body."""
        return self._compose(self._discreet(self._reader.finish()))

    def _compose(self, signals: list[Signal]) -> bytes:
        self._run = None
        frames = self._composer.compose(signals)
        self.ending = ending = self._composer.ending
        self.is_over = ending is not None
        return frames

    def _discreet(self, signals: list[Signal]) -> list[Signal]:
        """The signals without the upstream's key: it may quote the one that it refuses."""
        if self._secret and signals and isinstance(signals[-1], Failure):
            error = signals[-1].error
            error.message = error.message.replace(self._secret, "***")
        return signals

    def fail(self, error: GatewayError) -> bytes:
        """The frames when the upstream's answer cannot be had to its end, or was not worth putting out."""
        return self._compose(self._reader.fail(error) or [Failure(error)])

    def cancel(self) -> bytes:
        """The frames when somebody has ended the answer."""
        return self._compose([Finish(Outcome.CANCELLED)])

    def conclude(self, *, is_stored: bool) -> bytes:
        """The frames of the terminal event that was held back."""
        return self._composer.conclude(is_stored=is_stored)

    def keep_alive(self) -> bytes:
        """A frame for a silent moment."""
        return self._composer.keep_alive()


def _words(signals: list[Signal]) -> list[Signal]:
    """Those that are part of an answer, or its end."""
    return [signal for signal in signals if type(signal) is not Opaque]


def _reader(provider: ProviderSettings) -> ChatReader | NativeReader:
    event_bytes, response_bytes = provider.max_event_bytes, provider.max_response_bytes
    if provider.wire == "responses":
        return NativeReader(max_event_bytes=event_bytes, max_response_bytes=response_bytes)
    return ChatReader(provider.quirks, max_event_bytes=event_bytes, max_response_bytes=response_bytes)
