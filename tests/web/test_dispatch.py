"""What leads a request to its handler at once does so as aiohttp's application does."""

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.typedefs import Handler
from aiohttp.web import Application, Request, RequestKey, Response, StreamResponse, middleware

from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.settings import Settings
from gateway.web.app import create_app
from gateway.web.dispatch import dispatching

WAY = RequestKey("way", tuple[str, ...])
OTHER = Response(text="aiohttp's way")


async def other(_: Request) -> StreamResponse:
    return OTHER


@middleware
async def outer(request: Request, handler: Handler) -> StreamResponse:
    request[WAY] = ("outer",)
    return await handler(request)


@middleware
async def inner(request: Request, handler: Handler) -> StreamResponse:
    request[WAY] += ("inner",)
    return await handler(request)


async def handle(request: Request) -> StreamResponse:
    assert request.app is request.match_info.current_app
    way = request[WAY]
    return Response(text=" ".join(way))


def application() -> Application:
    app = Application(middlewares=[outer, inner])
    app.router.add_post("/fixed", handle)
    app.router.add_get("/variable/{name}", handle)
    app.freeze()
    return app


async def test_the_middlewares_come_in_order() -> None:
    response = await dispatching(application(), other)(make_mocked_request("POST", "/fixed"))
    assert isinstance(response, Response)
    assert response.text == "outer inner"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/fixed", {}),
        ("POST", "/fixed?a=b", {}),
        ("POST", "/fixed/", {}),
        ("POST", "/%66ixed", {}),
        ("POST", "/fixed", {"Expect": "100-continue"}),
        ("GET", "/variable/name", {}),
        ("GET", "/nowhere", {}),
    ],
)
async def test_all_else_goes_aiohttps_way(method: str, path: str, headers: dict[str, str]) -> None:
    dispatch = dispatching(application(), other)
    assert await dispatch(make_mocked_request(method, path, headers=headers)) is OTHER


async def test_the_routes_of_the_gateway_are_found_as_aiohttp_finds_them() -> None:
    app = create_app(Settings(), KeyStore(None, "key"), sealer_from(None), None)
    app.freeze()
    dispatch = dispatching(app, other)
    fixed = [route for route in app.router.routes() if "{" not in route.resource.canonical]  # type: ignore[union-attr]
    assert len(fixed) > 5
    for route in fixed:
        path = route.resource.canonical if route.resource is not None else ""
        request, resolved = make_mocked_request(route.method, path), make_mocked_request(route.method, path)
        dispatch(request).close()  # type: ignore[attr-defined]
        found, expected = request.match_info, await app.router.resolve(resolved)
        assert (found.route, found.handler, dict(found)) == (expected.route, expected.handler, dict(expected))
        assert (found.current_app, found.apps) == (app, (app,))
