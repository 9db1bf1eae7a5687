"""What the application knows of a request, for tests of what works with it."""

import time
from typing import Any

from aiohttp.web import Application

from gateway.settings import Settings
from gateway.upstream.routing import Router
from gateway.web.app_keys import READINESS, Readiness, Visit
from gateway.web.current import Configured


def visit(settings: Settings | None = None, **members: Any) -> Visit:
    """A request that has just begun, but for these members."""
    settings = settings or Settings()
    configured = Configured(settings, Router(settings.providers, settings.models))
    app = Application()
    app[READINESS] = Readiness()
    one = Visit(app, "req_1", time.monotonic(), configured)
    for name, value in members.items():
        setattr(one, name, value)
    return one
