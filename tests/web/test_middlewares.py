"""Ids, log lines, errors and keys, with handlers made for the test inside the real application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
from aiohttp import web

from gateway.access.keys import KeyStore
from gateway.access.sealing import sealer_from
from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.outcome import Outcome
from gateway.settings import ServerSettings, Settings
from gateway.web.app import create_app
from gateway.web.runner import GatewayRunner
from gateway.web.visit import VISIT
from tests.fakes.local_gateway import KEY
from tests.fakes.log import Log, captured_log
from tests.official import check_error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FAULT = "a request failed on a fault of the gateway"


class Site:
    """The application with one more route, `/v1/test`, and its log."""

    def __init__(self, port: int, log: Log) -> None:
        self.url, self.log = f"http://127.0.0.1:{port}/v1/test", log

    async def get(self, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {"Authorization": f"Bearer {KEY}", **headers}
        async with aiohttp.ClientSession() as session, session.get(self.url, headers=sent) as answer:
            names = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, names, await answer.read()


@asynccontextmanager
async def site(handler: Handler, keys: KeyStore | None = None) -> AsyncIterator[Site]:
    app = create_app(Settings(), keys or KeyStore(None, KEY), sealer_from(None), None)
    app.router.add_get("/v1/test", handler)
    runner = GatewayRunner(app)
    runner.hurry()
    await runner.setup()
    with captured_log() as log:
        _, port = await runner.listen(ServerSettings(port=0))
        try:
            yield Site(port, log)
        finally:
            await runner.cleanup()


async def fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")


@pytest.mark.parametrize(
    ("offered", "kept"), [("abc-1._X", True), ("a" * 128, True), ("a" * 129, False), ("a b", False)]
)
async def test_a_fit_request_id_is_kept_and_another_replaced(offered: str, *, kept: bool) -> None:
    async with site(fine) as place:
        _, headers, _ = await place.get(**{"x-request-id": offered})
        assert (headers["x-request-id"] == offered) is kept
        (entry,) = place.log.entries()
        assert entry["request_id"] == headers["x-request-id"]


async def test_the_line_of_a_request_says_who_what_and_how() -> None:
    async with site(fine) as place:
        await place.get()
        (entry,) = place.log.entries()
        assert entry["level"] == "INFO"
        assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/v1/test", 200)
        assert (entry["key"], entry["termination"]) == ("env-1", "completed")
        assert 0 < entry["seconds"] < 5


ERRORS: list[tuple[Exception, int, str, str]] = [
    (GatewayError(ErrorKind.INVALID_VALUE, "no", param="a"), 400, "invalid_value", "client_error"),
    (GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "no"), 503, "upstream_unreachable", "upstream_connect"),
    (web.HTTPNotFound(), 404, "not_found", "client_error"),
    (web.HTTPMethodNotAllowed("GET", ["POST"]), 405, "method_not_allowed", "client_error"),
    (web.HTTPForbidden(), 400, "bad_request", "client_error"),
    (ZeroDivisionError("secret"), 500, "internal_error", "gateway_error"),
]


@pytest.mark.parametrize(("error", "status", "code", "termination"), ERRORS)
async def test_each_error_is_answered_in_the_apis_form(
    error: Exception, status: int, code: str, termination: str
) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        request[VISIT].outcome = Outcome()
        raise error

    async with site(fail) as place:
        answered, headers, body = await place.get()
        check_error(orjson.loads(body))
        assert (answered, orjson.loads(body)["error"]["code"]) == (status, code)
        assert "x-request-id" in headers
        assert b"secret" not in body
        assert place.log.entries()[0]["termination"] == termination
        assert len(place.log.entries(FAULT)) == (status == 500)


async def test_a_fault_in_the_middle_of_an_answer_cuts_it_and_adds_nothing() -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        await asyncio.sleep(0.01)
        raise ZeroDivisionError("secret")

    async with site(fail) as place:
        with pytest.raises(aiohttp.ClientError):
            await place.get()
        (entry,) = place.log.entries()
        assert (entry["status"], entry["termination"]) == (200, "gateway_error")
        (fault,) = place.log.entries(FAULT)
        assert fault["exception"] == "ZeroDivisionError"
        assert "secret" not in str(place.log.lines)


async def test_a_fault_between_head_and_first_byte_gives_no_second_head() -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        request[VISIT].outcome = Outcome()
        await web.StreamResponse().prepare(request)
        raise GatewayError(ErrorKind.INVALID_VALUE, "late")

    async with site(fail) as place:
        with pytest.raises(aiohttp.ClientError):
            await place.get()
        assert place.log.entries()[0]["termination"] == "client_error"


async def test_a_client_that_is_gone_is_no_fault() -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        raise ConnectionResetError

    async with site(fail) as place:
        with pytest.raises(aiohttp.ClientError):
            await place.get()
        entry = place.log.entries()[0]  # the test's client tries again
        assert (entry["status"], entry["termination"]) == (499, "client_gone")


async def test_without_any_key_nobody_is_asked_for_one() -> None:
    async with site(fine, KeyStore(None)) as place:
        assert (await place.get(Authorization="Bearer whatever"))[0] == 200
        assert "key" not in place.log.entries()[0]


async def test_the_wrong_key_is_refused() -> None:
    async with site(fine) as place:
        status, headers, _ = await place.get(Authorization="Bearer wrong")
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
