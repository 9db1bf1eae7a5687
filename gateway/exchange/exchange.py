"""One exchange: from a validated request to its terminal event.

An exchange asks its targets in turn until one has its first word, then relays that answer. One task pumps both sides
and nothing is queued. Whatever happens, the upstream's answer is closed and the client gets a truthful end. An answer
that is not streamed takes the same way: its frames go nowhere, and its Response is the one of the terminal event.
"""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from gateway.codec.json import dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.attempt import attempted
from gateway.exchange.deadline import Deadline
from gateway.exchange.keeping import Keeping
from gateway.exchange.opening import Opening
from gateway.exchange.outcome import Outcome
from gateway.exchange.ports import Answer, Downstream, Target
from gateway.exchange.relay import listen, read_rest, relay
from gateway.exchange.running import RunningExchanges
from gateway.exchange.trials import Trials, Turn, in_turn
from gateway.settings import RoutingSettings
from gateway.spec.requests import CreateRequest
from gateway.telemetry.pace import Pace
from gateway.translate.composer import MintId
from gateway.translate.native_request import native_plan
from gateway.translate.refused_members import without_refused
from gateway.translate.request import ChatPlan, plan
from gateway.translate.response_object import PendingStatus, RenderedResponse
from gateway.translate.sealed import Seal, Unseal
from gateway.translate.token_estimate import estimated_tokens
from gateway.translate.tools import NO_TOOLS
from gateway.translate.translation import EMPTY_ANSWER, Translation
from gateway.upstream.gate import Passage

DROPPED_HEADER = "x-gateway-dropped"
_DROPPED_HEADER_CHARACTERS = 2048
"""Clients refuse long header lines; what does not fit is counted."""


_NOTHING_ASKED = CreateRequest(model="")
"""In the place of a request that is not needed any more."""


class _Prepared(Struct, frozen=True):
    """A request as one target gets it."""

    plan: ChatPlan
    body: bytes


_SENT = _Prepared(ChatPlan({}, NO_TOOLS, {}, (), stream=False, include_logprobs=False, top_logprobs=0), b"")
"""In the place of what was sent, once it is not needed any more."""


class Exchange:
    """One request and the targets that may answer it.

    Args:
        request: what the client asked.
        targets: where to ask, in order; at least one.
        is_strict: refuse what cannot be carried over, instead of reporting it.
        request_id: passed on to the upstream.
        mint_id: makes the ids of the response.
        running: where the exchange is listed while it is under way.
        routing: how far it is carried on after a failure.
        seal: seals for the client what must come back on the next turn.
        unseal: opens what the client brings back.
        keeping: stores the response; without it nothing is stored.

    Raises:
        GatewayError: when the request cannot be translated for the first target.
    """

    __slots__ = (
        "_current",
        "_downstream",
        "_dropped",
        "_has_cost",
        "_is_strict",
        "_keeping",
        "_opening",
        "_prepared",
        "_request",
        "_request_id",
        "_running",
        "_target",
        "_translation",
        "_trials",
        "_unseal",
        "is_stream",
        "outcome",
    )

    def __init__(
        self,
        request: CreateRequest,
        targets: Sequence[Target],
        *,
        is_strict: bool,
        request_id: str,
        mint_id: MintId,
        running: RunningExchanges,
        routing: RoutingSettings = RoutingSettings(),  # noqa: B008 - it is frozen
        seal: Seal | None = None,
        unseal: Unseal | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._request = request
        self._keeping = keeping
        self._is_strict = is_strict
        self._request_id = request_id
        self._running = running
        self._unseal = unseal
        self._trials = Trials(targets, max_attempts=routing.max_attempts)
        self._target = targets[0]
        self._current = self._prepare(self._target)
        self._prepared = {0: self._current}
        self.is_stream = self._current.plan.stream
        """Whether the client wants events."""
        self._translation = self._translate(self._current, mint_id, seal)
        self._opening = Opening()
        self._downstream: Downstream = _NOWHERE
        self._has_cost = False
        self._dropped: tuple[str, ...] | None = None
        """What could not be carried over to the target that has answered."""
        self.outcome = Outcome(pace=Pace() if self.is_stream else None)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response headers that report on the translation and on who was asked."""
        return dropped_headers(self._all_dropped()) + self.outcome.headers

    def _all_dropped(self) -> tuple[str, ...]:
        return self._plan_as_sent().dropped if self._dropped is None else self._dropped

    def estimated_tokens(self) -> int:
        """A guess at the tokens of the prompt, as it is before anybody is asked."""
        return estimated_tokens(self._current.plan.body)

    def _plan_as_sent(self) -> ChatPlan:
        """The upstream may have refused more since the plan was made."""
        planned, target = self._current.plan, self._target
        refused = target.upstream.refusals.of(target.model)
        return planned if self._is_strict or not refused else without_refused(planned, refused)

    def pending(self, status: PendingStatus) -> RenderedResponse:
        """The Response before its end."""
        return self._translation.pending(status)

    async def collect(self) -> bytes:
        """The whole answer as the JSON of a Response, which may be a failed one if it has some output.

        Raises:
            GatewayError: when there is no answer, or it failed before it had any output.
        """
        translation = self._translation
        translation.mute()
        error = await self._run(None)
        answer = translation.final
        if answer is None or (error is not None and not translation.has_output):
            error = error or GatewayError(ErrorKind.INTERNAL, "The answer has no end.")
            raise self.outcome.blame(error)
        return answer

    async def stream(self, downstream: Downstream, *, commit_after: float) -> None:
        """Relays the answer as events; after `commit_after` seconds of waiting the stream is opened in any case.

        Raises:
            GatewayError: when there is no answer and the stream has not been opened.
            ConnectionError: when the client is gone or stalled.
        """
        self._downstream = downstream
        error = await self._run(commit_after)
        if error is not None and not self._opening.has_begun:
            raise self.outcome.blame(error)

    def keep_alive(self) -> bytes:
        """A frame for a silent moment of the stream."""
        return self._translation.keep_alive() if self._opening.has_begun else b""

    @property
    def ending(self) -> RenderedResponse | None:
        """The Response with how it ended, once it has."""
        return self._translation.ending

    async def open(self, downstream: Downstream) -> None:
        """Opens the stream before anybody is asked."""
        self._downstream = downstream
        if self._opening.take():
            await self._start()

    async def cancel(self) -> None:
        """Ends an exchange whose task has been cancelled: its stream says that somebody did so."""
        self.outcome.termination = "cancelled"
        if not self._translation.is_announced:
            await self._put_out(self._translation.cancel())

    async def give_up(self, error: GatewayError) -> None:
        """Ends an exchange whose task has been cancelled: its stream says why."""
        if not self._translation.is_announced:
            self.outcome.fail(error)
            await self._put_out(self._translation.fail(error))

    async def _run(self, commit_after: float | None) -> GatewayError | None:
        """Asks the targets; returns why there is no whole answer, after telling the client if it has a stream."""
        try:
            if commit_after is not None and not self._opening.has_begun:
                self._opening.begin_in(commit_after, self._start)
            error = await in_turn(
                self._trials, self.outcome, self._attempt, is_final=lambda: self._translation.has_spoken
            )
            if error is not None and not self._translation.is_over:
                await self._fail(error)
            elif not self._translation.is_announced:  # a time limit ran out while the response was being stored
                await self._put_out(b"")
            return error
        finally:
            self._opening.close()
            self.outcome.dropped = self._all_dropped()
            if self._has_cost:
                self.outcome.account(self._translation.usage, self._target)

    async def _fail(self, error: GatewayError) -> None:
        self.outcome.fail(error)
        if self._opening.has_begun:
            await self._opening.settled()
            await self._put_out(self._translation.fail(error))

    async def _put_out(self, frames: bytes) -> None:
        """Sends the last frames, and the terminal event as soon as the response is stored."""
        if frames:
            await self._downstream.write(frames)
        translation, last = self._translation, b""
        if (ending := translation.ending) is not None and not translation.is_announced:
            is_stored = self._keeping is not None and await self._keeping.keep(ending)
            last = translation.conclude(is_stored=is_stored)
        await self._downstream.finish(last)

    async def _attempt(self, turn: Turn) -> GatewayError | None:
        try:
            self._take(turn)
        except GatewayError as refusal:  # a later target cannot be sent this request at all
            return refusal
        error = await attempted(turn.target, self._answer, self._running, pause=self._trials.pause())
        if self._translation.is_over:  # what failed then came after the answer
            return self._translation.error
        return error

    def _take(self, turn: Turn) -> None:
        """Makes the target of this turn the one that answers."""
        if turn.index not in self._prepared:
            self._prepared[turn.index] = self._prepare(turn.target)
        self._target, self._current = turn.target, self._prepared[turn.index]
        if len(self.outcome.attempts) > 1:
            settings, current = turn.target.upstream.settings, self._current
            self._translation.restart(current.plan, settings, input_bytes=len(current.body))

    async def _answer(self, deadline: Deadline, passage: Passage) -> GatewayError | None:
        """Returns why there is no word in the answer, if another target shall be asked for one."""
        answer = await self._opened()
        try:
            await listen(answer, self._translation, deadline)
            if (error := self._disappointment()) is not None:
                return error
            passage.succeed()
            self.outcome.settle(None)
            await self._put_first_words(deadline)
            if not self._translation.is_over:
                await relay(answer, self._translation, self._downstream, deadline)
            deadline.finish()
            self._note_end()
            await self._put_out(b"")
            await read_rest(answer)
        finally:
            answer.close()
        return None

    async def _opened(self) -> Answer:
        current = self._current
        self._has_cost = True  # who leaves while the upstream reads the prompt has made it work
        try:
            return await self._target.upstream.open_answer(
                current.body,
                is_stream=current.plan.stream,
                request_id=self._request_id,
                is_verbatim=self._is_strict,
            )
        except GatewayError:
            self._has_cost = False
            raise

    def _disappointment(self) -> GatewayError | None:
        """An answer of nothing counts only when there is nobody else to ask."""
        error = self._translation.disappointment
        is_good_enough = error is not None and error.upstream_code == EMPTY_ANSWER and not self._trials.has_more
        return None if is_good_enough else error

    async def _put_first_words(self, deadline: Deadline) -> None:
        self._let_go()
        is_first = self._opening.take()
        if self._downstream is _NOWHERE:
            self._translation.release()
            return
        deadline.pace = self.outcome.pace
        deadline.words_came()
        deadline.suspend()
        if is_first:
            await self._start(self._translation.release)
        else:
            await self._opening.settled()
            await self._downstream.write(self._translation.release())
        deadline.bytes_came()

    def _let_go(self) -> None:
        """Frees what was sent, as nobody else will be asked: agents' prompts have megabytes, their streams minutes."""
        self._dropped = self._plan_as_sent().dropped
        self._current = _SENT
        self._prepared.clear()
        self._request, self._unseal = _NOTHING_ASKED, None
        if self._keeping is not None:
            self._keeping.let_go()

    async def _start(self, words: Callable[[], bytes] = bytes) -> None:
        """Opens the stream, with the first words if there are any yet."""
        headers = self.headers if self.is_stream else ()
        await self._downstream.start(self._translation.begin() + words(), headers)

    def _note_end(self) -> None:
        if self._translation.error is not None:
            self.outcome.fail(self._translation.error)
        else:
            self.outcome.termination = self._translation.termination

    def _prepare(self, target: Target) -> _Prepared:
        chat = plan_for(self._request, target, is_strict=self._is_strict, unseal=self._unseal)
        return _Prepared(chat, dumps(chat.body))

    def _translate(self, prepared: _Prepared, mint_id: MintId, seal: Seal | None) -> Translation:
        return Translation(
            prepared.plan,
            self._target.upstream.settings,
            mint_id=mint_id,
            created_at=_now(),
            now=_now,
            input_bytes=len(prepared.body),
            seal=seal,
            holds_end=self._keeping is not None,
        )


def _now() -> int:
    return int(time.time())


class _Nowhere:
    """The downstream of an answer that is collected."""

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Nothing is opened."""

    def put(self, frames: bytes, _now: float, /) -> bool:
        """The Response of the terminal event holds it all."""
        return True

    async def room(self) -> None:
        """There always is."""

    async def write(self, frames: bytes) -> None:
        """As with `put`."""

    async def finish(self, frames: bytes = b"") -> None:
        """There is no body to end."""


_NOWHERE = _Nowhere()


def plan_for(request: CreateRequest, target: Target, *, is_strict: bool, unseal: Unseal | None) -> ChatPlan:
    """What this target would be sent for the request."""
    provider = target.upstream.settings
    if provider.wire == "responses":
        planned = native_plan(request, model=target.model, provider=provider, strict=is_strict, unseal=unseal)
    else:
        planned = plan(
            request,
            model=target.model,
            quirks=provider.quirks,
            strict=is_strict,
            provider=provider.name,
            unseal=unseal,
            hosted_tools=provider.hosted_tools,
        )
    # Who is strict gets the upstream's refusal itself.
    return planned if is_strict else without_refused(planned, target.upstream.refusals.of(target.model))


def dropped_headers(dropped: Sequence[str]) -> list[tuple[str, str]]:
    """The header that reports what was ignored or imitated; none if there is nothing."""
    return [(DROPPED_HEADER, _joined(dropped))] if dropped else []


def _joined(dropped: Sequence[str]) -> str:
    """The names in one header value, with a count of those that do not fit."""
    value = ", ".join(dropped)
    if len(value) <= _DROPPED_HEADER_CHARACTERS:
        return value
    kept = value[:_DROPPED_HEADER_CHARACTERS].rpartition(", ")[0]
    return f"{kept}, +{len(dropped) - kept.count(', ') - 1} more"
