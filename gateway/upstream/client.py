"""One upstream over HTTP: opens a request and hands its body over as raw bytes.

Knows sockets and statuses, no event and no chunk. The destination comes from the configuration alone; redirects are
never followed, and no header of a client is passed on.
"""

import io
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerTimeoutError,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.hdrs import ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT
from yarl import URL

from gateway import __version__
from gateway.codec.upstream_error import error_from_response
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings

ERROR_BODY_BYTES = 65_536
"""The most that is read of an error's body."""

_DNS_TTL_SECONDS = 60
_LARGE_BYTES = 262_144
_CUT_OFF = "cut_off"
_SECRET_LENGTH = 6
"""A shorter value of a header is no secret, and would be taken out of innocent words."""


class UpstreamAnswer:
    """The answer to one request, after its status line said 2xx. Close it in every case."""

    __slots__ = ("_response", "content_type")

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.content_type = response.content_type

    async def read(self) -> bytes:
        """The next bytes of the body, as they came from the socket; empty at its end.

        Raises:
            GatewayError: UPSTREAM_ERROR when the connection breaks before the body ends.
        """
        content = self._response.content
        try:
            return await content.readany()
        except (ClientError, ConnectionError) as error:
            # aiohttp withholds what came in the same read as the break, which may be the end of the stream.
            if rest := content._read_nowait(-1):  # noqa: SLF001
                return rest
            message = "The upstream closed the connection before the end of its answer."
            raise GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=_CUT_OFF) from error

    def close(self) -> None:
        """Gives the connection back to the pool if the body was read to its end, and closes it otherwise."""
        self._response.release()
        if not self._response.content.is_eof():
            self._response.close()


class _Connection(ResponseHandler):
    """One connection to an upstream; tells the reader of a body when its framing breaks.

    aiohttp tells only those who wait for a head, so that the reader would wait until the idle limit.
    """

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(ClientPayloadError("the framing is broken"))


class _Connector(TCPConnector):
    def __init__(self, *, limit: int, ttl_dns_cache: int) -> None:
        super().__init__(limit=limit, ttl_dns_cache=ttl_dns_cache)
        connection: type[ResponseHandler] = _Connection
        self._factory = partial(connection, loop=self._loop)


class Upstream:
    """One provider: its connections and its credentials."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._chat_url = URL(settings.base_url.rstrip("/") + "/chat/completions")
        self._models_url = URL(settings.base_url.rstrip("/") + "/models")
        self._headers = _headers(settings)
        self._secrets = [text for text in (settings.api_key, *settings.headers.values()) if len(text) >= _SECRET_LENGTH]
        self._session: ClientSession | None = None

    @property
    def name(self) -> str:
        return self.settings.name

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            connector=_Connector(limit=0, ttl_dns_cache=_DNS_TTL_SECONDS),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, connect=self.settings.connect_timeout_seconds),
            auto_decompress=False,
            trust_env=False,
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def open_chat(self, body: bytes, *, is_stream: bool, request_id: str) -> UpstreamAnswer:
        """Posts a Chat Completions request and waits for the head of a 2xx answer.

        Raises:
            GatewayError: for every other answer, and when there is none.
        """
        accept = "text/event-stream" if is_stream else "application/json"
        headers = {CONTENT_TYPE: "application/json", ACCEPT: accept, "x-request-id": request_id}
        return await self._open("POST", self._chat_url, body, headers)

    async def open_beside(self, path: str, body: bytes) -> UpstreamAnswer:
        """Posts to an endpoint that a server has beside the API, as `/tokenize`: below the base URL without `/v1`."""
        url = URL(self.settings.base_url.rstrip("/").removesuffix("/v1") + path)
        return await self._open("POST", url, body, {CONTENT_TYPE: "application/json", ACCEPT: "application/json"})

    async def open_models(self) -> UpstreamAnswer:
        """Asks for the list of models."""
        return await self._open("GET", self._models_url, None, {ACCEPT: "application/json"})

    async def _open(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> UpstreamAnswer:
        if self._session is None:
            raise RuntimeError("the upstream is not entered")
        try:
            response = await self._session.request(
                method, url, data=_in_pieces(body), headers=headers, allow_redirects=False
            )
        except (ClientError, ConnectionError) as error:
            raise _without_head(error) from error
        answer = UpstreamAnswer(response)
        try:
            await self._check(response)
        except BaseException:
            answer.close()
            raise
        return answer

    async def _check(self, response: ClientResponse) -> None:
        if not 200 <= response.status < 300:
            raise self._without_secret(error_from_response(response.status, response.headers, await _start(response)))
        if response.headers.get(CONTENT_ENCODING, "identity").lower() != "identity":
            raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream compressed its answer although asked not to.")
        if response.content_type == "text/html":
            raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream sent a page of HTML.")

    def _without_secret(self, error: GatewayError) -> GatewayError:
        """Upstreams like to quote the key that they refuse."""
        for secret in self._secrets:
            error.message = error.message.replace(secret, "***")
            error.upstream_code = error.upstream_code and error.upstream_code.replace(secret, "***")
        return error


def _without_head(error: Exception) -> GatewayError:
    """Why there is no answer; only its class is told, since texts have addresses in them."""
    match error:
        case ServerTimeoutError():
            code = "upstream_connect_timeout"
            return GatewayError(ErrorKind.TIMEOUT, "The upstream did not accept the connection in time.", code=code)
        case ClientConnectorError():
            reason = type(error).__name__
            return GatewayError(ErrorKind.UPSTREAM_UNREACHABLE, "The upstream cannot be reached.", upstream_code=reason)
        case ClientResponseError():
            return GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream's answer is not valid HTTP.")
        case _:
            message = "The upstream closed the connection without an answer."
            return GatewayError(ErrorKind.UPSTREAM_ERROR, message, upstream_code=_CUT_OFF)


def _in_pieces(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large body in a form that aiohttp sends piece by piece, with other tasks between the pieces."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body


def _headers(settings: ProviderSettings) -> dict[str, str]:
    headers = {USER_AGENT: f"responses-gateway/{__version__}", ACCEPT_ENCODING: "identity", **settings.headers}
    if settings.api_key:
        headers[AUTHORIZATION] = f"Bearer {settings.api_key}"
    return headers


async def _start(response: ClientResponse) -> bytes:
    """The beginning of a body; a connection that breaks meanwhile only makes it shorter."""
    body = b""
    try:
        while len(body) < ERROR_BODY_BYTES and (piece := await response.content.readany()):
            body += piece
    except (ClientError, ConnectionError):
        return body
    return body[:ERROR_BODY_BYTES]
