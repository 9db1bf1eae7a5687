"""The admin listener: metrics, health and tasks, for the operator's machines and never for clients.

It has a socket of its own, so that nothing of it can be reached through the public one, and it stays open while the
process drains.
"""

import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp.web import Application, TCPSite

from gateway.settings import AdminSettings
from gateway.web import health, metrics, tasks
from gateway.web.answer_head import set_headers
from gateway.web.runner import GatewayRunner
from gateway.web.services import SERVICES

_log = logging.getLogger(__name__)


def create_admin_app(app: Application) -> Application:
    """An application that tells about another one."""
    admin = Application()
    admin[SERVICES] = app[SERVICES]
    admin.on_response_prepare.append(set_headers)
    admin.router.add_get("/metrics", metrics.show)
    admin.router.add_get("/healthz", health.healthz)
    admin.router.add_get("/readyz", health.readyz)
    admin.router.add_get("/debug/tasks", tasks.list_tasks)
    return admin


class AdminAddressError(Exception):
    """The address of the admin listener cannot be had; the message says which and why."""


@asynccontextmanager
async def listening(
    app: Application, settings: AdminSettings, inherited: Sequence[socket.socket] = ()
) -> AsyncIterator[None]:
    """Serves the admin application beside this one while the block runs, if it has a port or a socket.

    Raises:
        AdminAddressError: when the address cannot be had.
    """
    if not settings.port and not inherited:
        yield
        return
    runner = GatewayRunner(create_admin_app(app))
    await runner.setup()
    try:
        await runner.adopt(inherited)
        if settings.port:
            await _listen(runner, settings)
            _log.info("admin listening", extra={"fields": {"address": f"{settings.host}:{settings.port}"}})
        yield
    finally:
        runner.hurry()
        await runner.cleanup()


async def _listen(runner: GatewayRunner, settings: AdminSettings) -> None:
    try:
        await TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        reason = error.strerror or error
        raise AdminAddressError(f"admin.port: cannot listen on {settings.host}:{settings.port}: {reason}") from error
