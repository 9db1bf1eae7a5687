"""A scripted Chat Completions upstream: a real HTTP server in the test's process that does what a script says.

It records what it was asked and notices when its client leaves, so that a test can assert the upstream's view.
It understands nothing of the requests: `gateway.demo` is the upstream that does.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import orjson
from aiohttp import web

from gateway.codec.json import JSONObject, JSONValue

Step = bytes | float | Literal["headers", "cut", "reset", "hang"]
"""What a script does next: send bytes; wait so many seconds; send the head alone; close without an end; reset the
connection; wait until the client leaves. The head goes out with the first bytes."""

WAIT = 10.0
"""The longest that a test waits for anything, in seconds."""


@dataclass(frozen=True, slots=True)
class Script:
    """How one request is answered."""

    steps: tuple[Step, ...] = ()
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, *steps: Step) -> "Script":
        """A stream of status 200."""
        return cls(steps=steps)

    @classmethod
    def json(cls, value: JSONValue, *, status: int = 200, headers: Mapping[str, str] | None = None) -> "Script":
        """A JSON answer."""
        return cls((orjson.dumps(value),), status, "application/json", headers or {})


@dataclass(slots=True)
class Received:
    """One request as it arrived, and how it went on."""

    path: str
    headers: dict[str, str]
    """With names in lower case."""
    body: bytes
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client left before the script was over."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the script is over, or the client gone."""

    @property
    def json(self) -> JSONObject:
        """The body as a JSON object."""
        return dict(orjson.loads(self.body))

    async def wait_until_left(self) -> None:
        """Wait, not for ever, until the client has closed the connection."""
        async with asyncio.timeout(WAIT):
            await self.left.wait()

    async def wait_until_finished(self) -> None:
        """Wait, not for ever, until the script is over or the client has closed the connection."""
        async with asyncio.timeout(WAIT):
            await self.finished.wait()


@dataclass(slots=True)
class Upstream:
    """A running scripted upstream."""

    base_url: str
    received: list[Received] = field(default_factory=list)
    """The generation requests so far."""
    models: list[str] = field(default_factory=lambda: ["model"])
    models_status: int = 200
    _scripts: list[Script] = field(default_factory=list)
    _responder: "Responder | None" = None
    _arrival: asyncio.Condition = field(default_factory=asyncio.Condition)

    def answer(self, *scripts: Script) -> None:
        """Answer the next requests with these, in order; the last one stays for all that follow."""
        self._scripts[:] = scripts
        self._responder = None

    def respond(self, responder: "Responder") -> None:
        """Let the function choose the script for each of the next requests, by what the request is."""
        self._responder = responder

    async def request(self, number: int = 0) -> Received:
        """The request of that number, waited for if it has not arrived yet."""
        async with asyncio.timeout(WAIT), self._arrival:
            await self._arrival.wait_for(lambda: len(self.received) > number)
        return self.received[number]

    @property
    def last(self) -> Received:
        """The latest request."""
        return self.received[-1]

    def application(self) -> web.Application:
        """The server's application."""
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/responses", self._complete)
        return app

    async def _list_models(self, _: web.Request) -> web.Response:
        if self.models_status != 200:
            return web.json_response({}, status=self.models_status)
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "test"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, headers, await request.read())
        async with self._arrival:
            self.received.append(received)
            self._arrival.notify_all()
        try:
            return await _play(request, self._script_for(received))
        except (asyncio.CancelledError, ConnectionError):
            received.left.set()
            raise
        finally:
            received.finished.set()

    def _script_for(self, received: Received) -> Script:
        if self._responder is not None:
            return self._responder(received.json)
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


Responder = Callable[[JSONObject], Script]
"""Chooses the script for a request by its body."""


async def _play(request: web.Request, script: Script) -> web.StreamResponse:
    response = web.StreamResponse(status=script.status, headers={"Content-Type": script.content_type, **script.headers})
    for step in script.steps:
        if isinstance(step, bytes):
            await _prepared(response, request)
            await response.write(step)
        elif step == "headers":
            await _prepared(response, request)
        elif step == "hang":
            await asyncio.Event().wait()
        elif step in ("cut", "reset"):
            await _break_off(request, reset=step == "reset")
            return response
        else:
            await asyncio.sleep(float(step))
    await _prepared(response, request)
    await response.write_eof()
    return response


async def _prepared(response: web.StreamResponse, request: web.Request) -> None:
    if not response.prepared:
        await response.prepare(request)


async def _break_off(request: web.Request, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if reset:
        # Lingering for zero seconds makes the kernel send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


@asynccontextmanager
async def running_upstream(port: int = 0) -> AsyncIterator[Upstream]:
    """A scripted upstream on a loopback port."""
    upstream = Upstream("")
    async with serving(upstream.application(), port) as base_url:
        upstream.base_url = base_url
        yield upstream


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve the application on a loopback port and give its base URL, `/v1` included."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
