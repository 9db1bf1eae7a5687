"""What the application knows of a request, for tests of what works with it."""

import time
from typing import Any

from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.settings import Settings
from gateway.upstream.routing import Router
from gateway.web.app import create_app
from gateway.web.current import Configured
from gateway.web.services import SERVICES
from gateway.web.visit import Visit


def visit(settings: Settings | None = None, **members: Any) -> Visit:
    """A request that has just begun, but for these members."""
    settings = settings or Settings()
    configured = Configured(settings, Router(settings.providers, settings.models))
    services = create_app(settings, KeyStore(None), sealer_from(None), None)[SERVICES]
    one = Visit(services, "req_1", time.monotonic(), configured)
    for name, value in members.items():
        setattr(one, name, value)
    return one
