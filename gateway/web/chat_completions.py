"""`POST /v1/chat/completions`: passes through to the upstream, with the same keys, routing and limits."""

from collections.abc import Sequence

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject, dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.attempt import attempted
from gateway.exchange.chat_usage import ChatUsage
from gateway.exchange.deadline import Deadline
from gateway.exchange.outcome import Outcome
from gateway.exchange.trials import Trials, Turn, in_turn
from gateway.telemetry.pace import Pace
from gateway.translate.token_estimate import estimated_tokens
from gateway.translate.translation import EMPTY_ANSWER
from gateway.upstream.answer import UpstreamAnswer
from gateway.upstream.gate import Passage
from gateway.upstream.routing import Target
from gateway.web.admission import Entry
from gateway.web.client_connection import let_go
from gateway.web.default_model import with_model
from gateway.web.json_body import read_json
from gateway.web.middlewares import break_off
from gateway.web.permissions import targets_for
from gateway.web.session import Session
from gateway.web.stall import dropped_when_stalled
from gateway.web.visit import VISIT, Visit

_EVENTS, _JSON = "text/event-stream", "application/json"


async def create(request: Request) -> StreamResponse:
    """The upstream's own answer, byte for byte; only `model` is the upstream's id on the way there."""
    async with Entry(request[VISIT]) as entry:
        return await _create(request, entry)


async def _create(request: Request, entry: Entry) -> StreamResponse:
    visit = request[VISIT]
    settings = visit.configured.settings
    body = with_model(visit, await read_json(request))
    targets = targets_for(visit, _model(visit, body), Session(request, body))
    await entry.take_tokens(lambda: _estimated_tokens(body))
    is_stream = body.get("stream") is True
    visit.outcome = outcome = Outcome(pace=Pace() if is_stream else None)
    trials = Trials(targets, max_attempts=settings.routing.max_attempts)
    async with dropped_when_stalled(request, settings.server.write_stall_seconds):
        passing = _Passing(request, outcome, body, trials, targets)
        if not is_stream:
            return await passing.answer()
        let_go(request)
        streams = visit.services.streams
        streams.add(request)
        try:
            return await passing.answer()
        finally:
            streams.remove(request)


def _estimated_tokens(body: JSONObject) -> int:
    """A guess at the prompt; what is no list of messages is for the upstream to refuse."""
    messages = body.get("messages")
    known = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    return estimated_tokens({**body, "messages": known})


def _model(visit: Visit, body: JSONObject) -> str:
    match body.get("model"):
        case None | "":
            raise GatewayError(ErrorKind.MISSING_PARAMETER, "Missing required parameter: 'model'.", param="model")
        case str(model):
            visit.model = model
            return model
        case _:
            raise GatewayError(ErrorKind.INVALID_TYPE, "Invalid type for 'model': expected str.", param="model")


class _Passing:
    """One request that passes through, and the targets that may answer it."""

    def __init__(
        self, request: Request, outcome: Outcome, body: JSONObject, trials: Trials, targets: Sequence[Target]
    ) -> None:
        self._request = request
        self._outcome = outcome
        self._body = body
        self._is_stream = body.get("stream") is True
        self._trials = trials
        self._targets = targets
        self._target = targets[0]
        self._response = StreamResponse()
        self._usage: ChatUsage | None = None

    async def answer(self) -> StreamResponse:
        """Raises GatewayError only as long as nothing has been sent."""
        response, outcome = self._response, self._outcome
        try:
            error = await in_turn(self._trials, outcome, self._attempt, is_final=lambda: response.prepared)
        finally:
            if self._usage is not None:
                outcome.account(self._usage.usage(), self._target)
        if error is None:
            outcome.termination = "completed"
            await response.write_eof()
            return response
        if not response.prepared:
            raise outcome.blame(error)
        outcome.fail(error)
        break_off(self._request)
        return response

    async def _attempt(self, turn: Turn) -> GatewayError | None:
        self._target = self._targets[turn.index]
        running = self._request[VISIT].services.running
        return await attempted(turn.target, self._relay, running, pause=self._trials.pause())

    async def _relay(self, deadline: Deadline, passage: Passage) -> GatewayError | None:
        answer = await self._opened()
        try:
            chunk = await answer.read()
            if not chunk and self._trials.has_more:
                message = "The upstream sent an empty answer."
                return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=EMPTY_ANSWER)
            passage.succeed()
            self._outcome.settle(None)
            self._describe(answer)
            deadline.pace = self._outcome.pace
            await self._response.prepare(self._request)
            while chunk:
                await self._pass_on(chunk, deadline)
                chunk = await answer.read()
        finally:
            answer.close()
        return None

    async def _opened(self) -> UpstreamAnswer:
        sent = dumps({**self._body, "model": self._target.model})
        self._usage = ChatUsage(len(sent))
        try:
            return await self._target.upstream.open_chat(
                sent, is_stream=self._is_stream, request_id=self._request[VISIT].id, is_verbatim=True
            )
        except GatewayError:
            self._usage = None
            raise

    async def _pass_on(self, chunk: bytes, deadline: Deadline) -> None:
        if self._usage is not None:
            self._usage.feed(chunk)
        deadline.words_came()
        deadline.suspend()
        await self._response.write(chunk)
        deadline.bytes_came()

    def _describe(self, answer: UpstreamAnswer) -> None:
        """The type is the upstream's, if it is one that can be: some answer a stream with JSON."""
        asked, headers = _EVENTS if self._is_stream else _JSON, self._response.headers
        self._response.content_type = answer.content_type if answer.content_type in (_EVENTS, _JSON) else asked
        headers.update(self._outcome.headers)
        if self._response.content_type == _EVENTS:
            headers.update({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
