"""One exchange: from a validated request to its terminal event.

An exchange tries its targets in order until one answers, then relays. One task pumps both sides and nothing is
queued. Whatever happens, the upstream's answer is closed and the client gets a truthful end. An answer that is not
streamed takes the same way: its frames go nowhere, and its Response is the one of the terminal event.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.codec.json import dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline
from gateway.exchange.ports import Answer, ChatUpstream, Downstream, Target
from gateway.exchange.relay import read_rest, relay
from gateway.spec.requests import CreateRequest
from gateway.translate.composer import MintId
from gateway.translate.request import ChatPlan, plan
from gateway.translate.sealed import Seal, Unseal
from gateway.translate.translation import Translation

_log = logging.getLogger(__name__)

DROPPED_HEADER = "x-gateway-dropped"
_DROPPED_HEADER_CHARACTERS = 2048
"""Clients refuse long header lines; what does not fit is counted."""


@dataclass(slots=True)
class Outcome:
    """How an exchange went, for the log; `termination` is a word of a closed list, None until it is known."""

    termination: str | None = None
    provider: str = ""
    upstream_model: str = ""
    upstream_code: str | None = None

    def fail(self, error: GatewayError) -> None:
        """The exchange ended with this error."""
        self.termination = termination_of(error)
        self.upstream_code = error.upstream_code


class RunningExchanges:
    """The exchanges under way, so that a shutdown can end them truthfully."""

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._has_expired = False

    def __len__(self) -> int:
        return len(self._deadlines)

    @contextmanager
    def entered(self, deadline: Deadline) -> Iterator[None]:
        """Lists an exchange while the block runs; one that comes after the end of all fails at once."""
        self._deadlines.add(deadline)
        if self._has_expired:
            deadline.expire(_shutting_down())
        try:
            yield
        finally:
            self._deadlines.discard(deadline)

    def expire(self) -> None:
        """Fails every exchange that is under way or is still to come."""
        self._has_expired = True
        for deadline in self._deadlines:
            deadline.expire(_shutting_down())


def _shutting_down() -> GatewayError:
    return GatewayError(ErrorKind.SHUTTING_DOWN, "The gateway is shutting down.")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request as one target gets it."""

    upstream: ChatUpstream
    plan: ChatPlan
    body: bytes


class Exchange:
    """One request and the targets that may answer it.

    Args:
        request: what the client asked.
        targets: where to ask, in order; at least one.
        is_strict: refuse what cannot be carried over, instead of reporting it.
        request_id: passed on to the upstream.
        mint_id: makes the ids of the response.
        running: where the exchange is listed while it is under way.
        seal: seals for the client what must come back on the next turn.
        unseal: opens what the client brings back.

    Raises:
        GatewayError: when the request cannot be translated.
    """

    def __init__(
        self,
        request: CreateRequest,
        targets: Sequence[Target],
        *,
        is_strict: bool,
        request_id: str,
        mint_id: MintId,
        running: RunningExchanges,
        seal: Seal | None = None,
        unseal: Unseal | None = None,
    ) -> None:
        self._seal = seal
        self._request_id = request_id
        self._mint_id = mint_id
        self._running = running
        self._created_at = int(time.time())
        self._attempts = [_attempt(request, target, is_strict=is_strict, unseal=unseal) for target in targets]
        self._current = self._attempts[0]
        self._translation: Translation | None = None
        self.outcome = Outcome()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response headers that report on the translation."""
        return dropped_headers(self._current.plan.dropped)

    @property
    def is_stream(self) -> bool:
        """Whether the client wants events."""
        return self._current.plan.stream

    async def collect(self) -> bytes:
        """The whole answer as the JSON of a Response, which may be a failed one if it has some output.

        Raises:
            GatewayError: when there is no answer, or it failed before it had any output.
        """
        error = await self._run(_Nowhere(), commit_after=None)
        translation = self._translation
        if translation is None or translation.final is None or (error is not None and not translation.has_output):
            raise error or GatewayError(ErrorKind.INTERNAL, "The answer has no end.")
        return translation.final

    async def stream(self, downstream: Downstream, *, commit_after: float) -> None:
        """Relays the answer as events; after `commit_after` seconds of waiting the stream is opened in any case.

        Raises:
            GatewayError: when there is no answer and the stream has not been opened.
            ConnectionError: when the client is gone or stalled.
        """
        error = await self._run(downstream, commit_after=commit_after)
        if error is not None and self._translation is None:
            raise error

    def keep_alive(self) -> bytes:
        """A frame for a silent moment of the stream."""
        return self._translation.keep_alive() if self._translation is not None else b""

    async def _run(self, downstream: Downstream, *, commit_after: float | None) -> GatewayError | None:
        """Tries the targets; returns the error of the last one tried, after telling the client if it has a stream."""
        error: GatewayError | None = None
        for attempt in self._attempts:
            self._current = attempt
            error = await self._try(attempt, downstream, commit_after)
            if error is None or self._translation is not None or not error.rule.retryable:
                break
        if error is not None and self._translation is not None and not self._translation.is_over:
            await downstream.write(self._translation.fail(error))
            await downstream.finish()
        return error

    async def _try(self, attempt: _Attempt, downstream: Downstream, commit_after: float | None) -> GatewayError | None:
        deadline = Deadline(attempt.upstream.settings)
        self._note(attempt)
        try:
            async with deadline:
                with self._running.entered(deadline):
                    await self._answer(attempt, downstream, deadline, commit_after)
        except GatewayError as caught:
            error: GatewayError = caught
        except TimeoutError:
            error = deadline.error
        except ConnectionError:  # the client's: those of upstreams have become GatewayErrors
            raise
        except Exception:  # noqa: BLE001 - whatever it is, a stream that is open still gets its end
            _log.exception("an exchange failed on a fault of the gateway")
            error = GatewayError(ErrorKind.INTERNAL, "The gateway failed on this request.")
        else:
            return self._translation.error if self._translation is not None else None
        if self._translation is not None and self._translation.is_over:  # what failed came after the answer
            return self._translation.error
        self.outcome.fail(error)
        return error

    async def _answer(
        self, attempt: _Attempt, downstream: Downstream, deadline: Deadline, commit_after: float | None
    ) -> None:
        answer = await self._opened(attempt, downstream, commit_after)
        try:
            translation = self._translation or await self._start(downstream)
            await relay(answer, translation, downstream, deadline)
            self._note_end(translation)
            await downstream.finish()
            await read_rest(answer)
        finally:
            answer.close()

    async def _opened(self, attempt: _Attempt, downstream: Downstream, commit_after: float | None) -> Answer:
        """The head of the answer; meanwhile a client that has waited long enough gets its stream."""
        opening = asyncio.ensure_future(
            attempt.upstream.open_chat(attempt.body, is_stream=attempt.plan.stream, request_id=self._request_id)
        )
        try:
            done, _ = await asyncio.wait({opening}, timeout=commit_after)
            if not done and self._translation is None:
                await self._start(downstream)
            return await opening
        except BaseException:
            opening.cancel()
            opening.add_done_callback(_close_unused)
            raise

    async def _start(self, downstream: Downstream) -> Translation:
        attempt = self._current
        self._translation = Translation(
            attempt.plan,
            attempt.upstream.settings,
            mint_id=self._mint_id,
            created_at=self._created_at,
            now=lambda: int(time.time()),
            input_bytes=len(attempt.body),
            seal=self._seal,
        )
        await downstream.start(self._translation.begin(), self.headers)
        return self._translation

    def _note(self, attempt: _Attempt) -> None:
        self.outcome.provider = attempt.upstream.settings.name
        self.outcome.upstream_model = str(attempt.plan.body["model"])

    def _note_end(self, translation: Translation) -> None:
        if translation.error is not None:
            self.outcome.fail(translation.error)
        else:
            self.outcome.termination = translation.termination


_TERMINATIONS = {
    ErrorKind.UPSTREAM_UNREACHABLE: "upstream_connect",
    ErrorKind.UPSTREAM_PROTOCOL: "upstream_protocol",
    ErrorKind.SHUTTING_DOWN: "drained",
    ErrorKind.INTERNAL: "gateway_error",
}
_TIMEOUT_TERMINATIONS = {
    "upstream_connect_timeout": "upstream_connect",
    "upstream_total_timeout": "total_timeout",
}
_CUT_OFF = "cut_off"
"""What stands in the place of the upstream's own word when it broke off without one."""


def termination_of(error: GatewayError) -> str:
    """The word for how an exchange ended with this error."""
    if error.kind in _TERMINATIONS:
        return _TERMINATIONS[error.kind]
    if error.upstream_code is not None:
        return "upstream_reset" if error.upstream_code == _CUT_OFF else "failed_upstream_status"
    if error.kind is ErrorKind.TIMEOUT:
        return _TIMEOUT_TERMINATIONS.get(error.code or "", "upstream_idle")
    return "client_error" if error.rule.source == "client" else "failed_upstream_status"


class _Nowhere:
    """The downstream of an answer that is collected."""

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Nothing is sent before the end."""

    async def write(self, frames: bytes) -> None:
        """The Response of the terminal event holds it all."""

    async def finish(self) -> None:
        """There is no body to end."""


def _attempt(request: CreateRequest, target: Target, *, is_strict: bool, unseal: Unseal | None) -> _Attempt:
    chat = plan_for(request, target, is_strict=is_strict, unseal=unseal)
    return _Attempt(target.upstream, chat, dumps(chat.body))


def plan_for(request: CreateRequest, target: Target, *, is_strict: bool, unseal: Unseal | None) -> ChatPlan:
    """What this target would be sent for the request."""
    provider = target.upstream.settings
    return plan(
        request,
        model=target.model,
        quirks=provider.quirks,
        strict=is_strict,
        provider=provider.name,
        unseal=unseal,
        hosted_tools=provider.hosted_tools,
    )


def _close_unused(opening: asyncio.Future[Answer]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


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
