"""The demo upstream as a web application: sockets, pace and errors.

What is said is decided in `gateway.demo.script`, its form in `gateway.demo.stream`. There is no
authentication: it is made for the loopback interface.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

import click
from aiohttp import web

from gateway.codec import json
from gateway.codec.json import JSONObject, JSONValue
from gateway.demo.request import MODELS, read_request
from gateway.demo.script import write_script
from gateway.demo.steps import BreakOff, Fault, Script, Silence, Step, token_count
from gateway.demo.stream import Reply, closing_frames, completion, frame, opening_frame, step_frame
from gateway.errors import ErrorKind, GatewayError, http_body, http_headers

PACE_SECONDS = 0.035
"""Between two tokens: about as fast as one reads."""

_MAX_BODY_BYTES = 64 * 1024 * 1024
_RETRY_AFTER_SECONDS = 2
_PACE: web.AppKey[float] = web.AppKey("pace", float)
_FAILURES = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
}


def create_app(*, pace_seconds: float = PACE_SECONDS) -> web.Application:
    """The application.

    Run it with `handler_cancellation=True` (see `create_runner`), so that a client that leaves stops its answer.

    Args:
        pace_seconds: between two tokens; 0 for as fast as possible.
    """
    app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_errors_as_json])
    app[_PACE] = pace_seconds
    app.router.add_get("/v1/models", _list_models)
    app.router.add_post("/v1/chat/completions", _chat_completions)
    return app


def create_runner(*, pace_seconds: float = PACE_SECONDS) -> web.AppRunner:
    """A runner for the application, set as it should be; still to be set up and given a site."""
    app = create_app(pace_seconds=pace_seconds)
    return web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)


def run(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; port 0 takes a free one. Prints the base URL once it listens."""
    asyncio.run(_serve(host, port))


async def _serve(host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(host, port) as base_url:
        click.echo(f"Demo upstream: base_url = {base_url}")
        await stopped.wait()


@asynccontextmanager
async def running(host: str, port: int) -> AsyncIterator[str]:
    """Serves while the block runs; gives the base URL. Port 0 takes a free one."""
    runner = create_runner()
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield _base_url(runner)
    finally:
        await runner.cleanup()


def _base_url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _error(GatewayError(ErrorKind.NOT_FOUND, f"There is no {request.path[:100]} here."))
    except web.HTTPMethodNotAllowed as wrong:
        headers = {"Allow": wrong.headers["Allow"]}
        return _error(GatewayError(ErrorKind.METHOD_NOT_ALLOWED, "That method is not allowed here.", headers=headers))
    except web.HTTPRequestEntityTooLarge:
        return _error(GatewayError(ErrorKind.BODY_TOO_LARGE, "The body is too large."))
    except GatewayError as error:
        return _error(error)


def _error(error: GatewayError) -> web.Response:
    return _json_response(dict(http_body(error)), status=error.status, headers=http_headers(error))


def _json_response(body: JSONObject, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dumps(body), status=status, headers=headers, content_type="application/json")


async def _list_models(_request: web.Request) -> web.Response:
    models = [{"id": model, "object": "model", "created": 0, "owned_by": "demo"} for model in MODELS]
    return _json_response({"object": "list", "data": models})


async def _chat_completions(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    chat = read_request(_parsed(body))
    script = write_script(chat)
    reply = Reply(f"chatcmpl-{sha256(body).hexdigest()[:29]}", int(time.time()), chat)
    await asyncio.sleep(script.wait_seconds)
    if script.failure_status is not None:
        return _asked_failure(script.failure_status)
    return await (_stream if chat.stream else _whole)(request, reply, script)


def _parsed(body: bytes) -> JSONValue:
    try:
        return json.loads(body)
    except ValueError as error:
        raise GatewayError(ErrorKind.INVALID_JSON, "The body is not valid JSON.") from error


def _asked_failure(status: int) -> web.Response:
    usual = ("invalid_request_error", "bad_request") if status < 500 else ("server_error", "internal_error")
    kind, code = _FAILURES.get(status, usual)
    message = f"The demo upstream was asked to fail with status {status}."
    headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if status == 429 else None
    error = {"message": message, "type": kind, "param": None, "code": code}
    return _json_response({"error": error}, status=status, headers=headers)


async def _stream(request: web.Request, reply: Reply, script: Script) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    await response.write(opening_frame(reply, script))
    for step in script.steps:
        if isinstance(step, BreakOff):
            _hang_up(request)
            return response
        if isinstance(step, Fault):
            await response.write(frame(_fault(step)))
            return response
        if not isinstance(step, Silence):
            await response.write(step_frame(reply, step))
        await asyncio.sleep(_seconds_after(step, request.app[_PACE]))
    await response.write(closing_frames(reply, script))
    return response


async def _whole(request: web.Request, reply: Reply, script: Script) -> web.StreamResponse:
    """The whole answer, after as long as its stream would have taken."""
    silence = sum(step.seconds for step in script.steps if isinstance(step, Silence))
    await asyncio.sleep(silence + token_count(script.steps) * request.app[_PACE])
    for step in script.steps:
        if isinstance(step, Fault):
            return _json_response(_fault(step), status=500)
        if isinstance(step, BreakOff):
            return await _half(request, json.dumps(completion(reply, script)))
    return _json_response(completion(reply, script))


async def _half(request: web.Request, body: bytes) -> web.StreamResponse:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _hang_up(request)
    return response


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _seconds_after(step: Step, pace: float) -> float:
    if isinstance(step, Silence):
        return step.seconds
    return pace if token_count([step]) else 0.0


def _fault(step: Fault) -> JSONObject:
    return {"error": {"message": step.message, "type": "server_error", "param": None, "code": "internal_error"}}
