"""The scripted upstream where it is harder to reach: behind TLS, or on a unix socket."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.fakes import chat
from tests.fakes.upstream import Script, Upstream

ANSWER = chat.text_stream("Hi")
"""What it answers."""


@asynccontextmanager
async def site(
    *, context: ssl.SSLContext | None = None, socket: Path | None = None
) -> AsyncIterator[tuple[str, Upstream]]:
    """The scripted upstream behind TLS or on a unix socket, with its base URL."""
    upstream = Upstream("")
    upstream.answer(Script.of(ANSWER))
    runner = web.AppRunner(upstream.application(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        if socket is not None:
            await web.UnixSite(runner, socket).start()
            yield "http://localhost/v1", upstream
        else:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            scheme = "http" if context is None else "https"
            yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/v1", upstream
    finally:
        await runner.cleanup()
