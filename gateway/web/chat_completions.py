"""`POST /v1/chat/completions`: passes through to the upstream, with the same keys, routing and limits."""

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject, dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline
from gateway.exchange.exchange import Outcome
from gateway.upstream.client import UpstreamAnswer
from gateway.upstream.routing import Target
from gateway.web.app_keys import MODEL, OUTCOME, REQUEST_ID, ROUTER, RUNNING, SETTINGS
from gateway.web.default_model import with_model
from gateway.web.middlewares import break_off
from gateway.web.responses import read_json
from gateway.web.stall import dropped_when_stalled

_EVENTS, _JSON = "text/event-stream", "application/json"


async def create(request: Request) -> StreamResponse:
    """The upstream's own answer, byte for byte; only `model` is the upstream's id on the way there."""
    settings = request.app[SETTINGS]
    body = with_model(request, await read_json(request, settings))
    targets = request.app[ROUTER].targets(_model(request, body))
    request[OUTCOME] = Outcome()
    async with dropped_when_stalled(request, settings.server.write_stall_seconds):
        return await _first_answer(request, body, targets)


def _model(request: Request, body: JSONObject) -> str:
    match body.get("model"):
        case None | "":
            raise GatewayError(ErrorKind.MISSING_PARAMETER, "Missing required parameter: 'model'.", param="model")
        case str(model):
            request[MODEL] = model
            return model
        case _:
            raise GatewayError(ErrorKind.INVALID_TYPE, "Invalid type for 'model': expected str.", param="model")


async def _first_answer(request: Request, body: JSONObject, targets: tuple[Target, ...]) -> StreamResponse:
    """The answer of the first target that has one; an error that another target would repeat is the answer too."""
    *others, last = targets
    for target in others:
        try:
            return await _pass_through(request, body, target)
        except GatewayError as error:
            if not error.rule.retryable:
                raise
    return await _pass_through(request, body, last)


async def _pass_through(request: Request, body: JSONObject, target: Target) -> StreamResponse:
    """Raises GatewayError only as long as nothing has been sent."""
    outcome, response = request[OUTCOME], StreamResponse()
    outcome.provider, outcome.upstream_model = target.upstream.name, target.model
    deadline = Deadline(target.upstream.settings)
    try:
        async with deadline:
            with request.app[RUNNING].entered(deadline):
                await _relay(request, body, target, response, deadline)
    except (GatewayError, TimeoutError) as caught:
        error = caught if isinstance(caught, GatewayError) else deadline.error
        if not response.prepared:
            raise error from None
        outcome.fail(error)
        break_off(request)
        return response
    outcome.termination = "completed"
    await response.write_eof()
    return response


async def _relay(
    request: Request, body: JSONObject, target: Target, response: StreamResponse, deadline: Deadline
) -> None:
    is_stream = body.get("stream") is True
    sent = dumps({**body, "model": target.model})
    answer = await target.upstream.open_chat(sent, is_stream=is_stream, request_id=request[REQUEST_ID])
    try:
        _describe(response, answer, is_stream=is_stream)
        await response.prepare(request)
        while chunk := await answer.read():
            deadline.suspend()
            await response.write(chunk)
            deadline.bytes_came()
    finally:
        answer.close()


def _describe(response: StreamResponse, answer: UpstreamAnswer, *, is_stream: bool) -> None:
    """The type is the upstream's, if it is one that can be: some answer a stream with JSON."""
    asked = _EVENTS if is_stream else _JSON
    response.content_type = answer.content_type if answer.content_type in (_EVENTS, _JSON) else asked
    if response.content_type == _EVENTS:
        response.headers.update({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
