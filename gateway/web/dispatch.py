"""Leads a request to its handler: one for a fixed path at once, every other one by aiohttp's own way.

aiohttp resolves a path with three coroutines and puts the middlewares around the handler for each request, which is a
twentieth of a short one. What comes out is the same: tests/web/test_dispatch.py compares the two.
"""

from collections.abc import Awaitable
from functools import partial

from aiohttp.hdrs import EXPECT
from aiohttp.typedefs import Handler
from aiohttp.web import AbstractRoute, Application, PlainResource, Request, StreamResponse, UrlMappingMatchInfo


def dispatching(app: Application, other: Handler) -> Handler:
    """Answers a request to the application, which has no other ones below it and gets no more routes.

    Args:
        app: whose routes and middlewares count.
        other: aiohttp's way, for what is not for a fixed path.
    """
    fixed = {
        (route.method, route.resource.canonical): (route, _with_middlewares(app, route))
        for route in app.router.routes()
        if isinstance(route.resource, PlainResource)
    }

    def dispatch(request: Request) -> Awaitable[StreamResponse]:
        found = fixed.get((request.method, request.raw_path))
        if found is None or EXPECT in request.headers:
            return other(request)
        route, handler = found
        match = UrlMappingMatchInfo({}, route)
        match.add_app(app)
        match.freeze()
        request._match_info = match  # noqa: SLF001 - where the public property has it from
        return handler(request)

    return dispatch


def _with_middlewares(app: Application, route: AbstractRoute) -> Handler:
    handler = route.handler
    for middleware in reversed(app.middlewares):
        handler = partial(middleware, handler=handler)
    return handler
