"""One upstream over HTTP: opens a request and hands its body over as raw bytes.

Knows sockets and statuses, no event and no chunk. The destination comes from the configuration alone; redirects are
never followed, and no header of a client is passed on.
"""

import io
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, NamedTuple, Self
from urllib.parse import quote

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from aiohttp.hdrs import ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT
from yarl import URL

from gateway import __version__
from gateway.codec.json import loads
from gateway.codec.upstream_error import error_from_response
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.telemetry.traces import headers_to_pass_on
from gateway.upstream.connection import PIECE_BYTES, READER_BYTES, Connection, Take, cut_off, feed, unread
from gateway.upstream.connections import open_pool, without_head
from gateway.upstream.proxies import proxy_of
from gateway.upstream.refusals import Refusals

ERROR_BODY_BYTES = 65_536
"""The most that is read of an error's body."""

CHAT_PATH = "/chat/completions"
"""Where Chat Completions are, unless the quirk `chat_path` says something else."""

_LARGE_BYTES = 262_144
_MOST_REFUSED = 4
"""Members of one request that are found out to be refused, one after the other."""
_MODEL = "{model}"
"""Stands in a path for the model's id."""
_OWN_ID = "x-client-request-id"
"""OpenAI's name for an id of the caller's; llama-cpp-python refuses an `x-request-id` that is no UUID."""
_SECRET_LENGTH = 6
"""A shorter value of a header is no secret, and would be taken out of innocent words."""


class UpstreamAnswer:
    """The answer to one request, after its status line said 2xx. Close it in every case."""

    __slots__ = ("_connection", "_response", "content_type")

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self._connection = _own_connection(response)
        self.content_type = response.content_type

    async def read(self) -> bytes:
        """The next bytes of the body, those of one read of the socket at most; empty at its end.

        Raises:
            GatewayError: UPSTREAM_ERROR when the connection breaks before the body ends.
        """
        content = self._response.content
        try:
            return await content.read(PIECE_BYTES)
        except (ClientError, ConnectionError) as error:
            # aiohttp withholds what came in the same read as the break, which may be the end of the stream.
            if rest := unread(content):
                return rest
            # The frames of the cause would hold the answer, which holds the cause.
            raise cut_off() from error.with_traceback(None)

    @property
    def is_whole(self) -> bool:
        """Whether the body has come and been read to its end."""
        return self._response.content.at_eof()

    async def feed(self, take: Take) -> None:
        """Has `take` called with the next bytes the moment they come, until it wants no more or has got the end.

        Raises:
            GatewayError: UPSTREAM_ERROR when the connection breaks before the body ends.
        """
        if self._connection is None:  # it has gone back to the pool: everything is here
            while take(chunk := await self.read()) and chunk:
                pass
            return
        await feed(self._connection, self._response.content, take)

    def close(self) -> None:
        """Gives the connection back to the pool if the body was read to its end, and closes it otherwise."""
        self._response.release()
        if not self._response.content.is_eof():
            self._response.close()


Ending = Literal["whole", "left", "broken"]
"""How the body of an answer came to its end: by itself, because it grew too long, or with its connection."""


class RawAnswer(NamedTuple):
    """An answer of any status, with the secrets of the provider taken out."""

    status: int
    content_type: str
    body: bytes
    ending: Ending


class Upstream:
    """One provider: its connections, its credentials, and what it has refused."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._models_url = self._url("/models")
        self._headers = _headers(settings)
        self._secrets = [text for text in (settings.api_key, *settings.headers.values()) if len(text) >= _SECRET_LENGTH]
        self._session: ClientSession | None = None
        self.refusals = Refusals(settings.name)

    @property
    def name(self) -> str:
        return self.settings.name

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            connector=open_pool(self.settings),
            proxy=proxy_of(self.settings, os.environ),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, connect=self.settings.connect_timeout_seconds),
            auto_decompress=False,
            read_bufsize=READER_BYTES,
            trust_env=False,
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def open_chat(
        self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False
    ) -> UpstreamAnswer:
        """Posts a Chat Completions request and waits for the head of a 2xx answer.

        Args:
            body: the request; `refusals` tells what else than it was sent.
            is_stream: whether events are asked for.
            request_id: passed on.
            is_verbatim: send nothing else than the body.

        Raises:
            GatewayError: for every other answer, and when there is none.
        """
        headers = _answer_headers(request_id, is_stream=is_stream)
        if is_verbatim:
            return await self._open("POST", self._chat_url(body), body, headers)
        return await self._open_repeated(self._chat_url(body), body, headers)

    async def open_answer(
        self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False
    ) -> UpstreamAnswer:
        """As `open_chat`, in the API that the provider's `wire` names."""
        if self.settings.wire == "chat":
            return await self.open_chat(body, is_stream=is_stream, request_id=request_id, is_verbatim=is_verbatim)
        headers, url = _answer_headers(request_id, is_stream=is_stream), self._url("/responses")
        return await (
            self._open("POST", url, body, headers) if is_verbatim else self._open_repeated(url, body, headers)
        )

    async def _open_repeated(self, url: URL, body: bytes, headers: Mapping[str, str]) -> UpstreamAnswer:
        """Asks again without what is refused, as long as the request stays the same conversation."""
        for _ in range(_MOST_REFUSED):
            try:
                return await self._open("POST", url, body, headers)
            except GatewayError as error:
                if (without := self.refusals.learn(body, error)) is None:
                    raise
                body = without
        return await self._open("POST", url, body, headers)

    async def open_beside(self, path: str, body: bytes) -> UpstreamAnswer:
        """Posts to an endpoint that a server has beside the API, as `/tokenize`: below the base URL without `/v1`."""
        url = self._url(path, base_url=self.settings.base_url.rstrip("/").removesuffix("/v1"))
        return await self._open("POST", url, body, {CONTENT_TYPE: "application/json", ACCEPT: "application/json"})

    async def open_models(self) -> UpstreamAnswer:
        """Asks for the list of models."""
        return await self._open("GET", self._models_url, None, {ACCEPT: "application/json"})

    async def ask(self, path: str, body: bytes | None, *, is_beside: bool = False, most_bytes: int) -> RawAnswer:
        """Asks anything and takes every answer as it is, errors too; for finding out what an upstream can do.

        Args:
            path: below the base URL; `CHAT_PATH` stands for the configured one.
            body: posted; without one it is a GET.
            is_beside: take the base URL without its `/v1`.
            most_bytes: of the answer; the rest is left.

        Raises:
            GatewayError: when there is no answer.
        """
        base_url = self.settings.base_url.rstrip("/")
        url = self._url(path, base_url=base_url.removesuffix("/v1") if is_beside else base_url)
        if path == CHAT_PATH and body is not None:
            url = self._chat_url(body)
        headers: dict[str, str] = {ACCEPT: "*/*"}
        if body is not None:
            headers[CONTENT_TYPE] = "application/json"
        response = await self._send("GET" if body is None else "POST", url, body, headers)
        answer = UpstreamAnswer(response)
        pieces: list[bytes] = []
        ending: Ending = "whole"
        try:
            while piece := await answer.read():
                pieces.append(piece)
                if sum(map(len, pieces)) > most_bytes:
                    ending = "left"
                    break
        except GatewayError:
            ending = "broken"
        finally:
            answer.close()
        return RawAnswer(response.status, answer.content_type, self._concealed(b"".join(pieces)), ending)

    def _concealed(self, body: bytes) -> bytes:
        for secret in self._secrets:
            body = body.replace(secret.encode(), b"***")
        return body

    def _chat_url(self, body: bytes) -> URL:
        path = self.settings.quirks.chat_path
        if _MODEL in path:
            path = path.replace(_MODEL, quote(loads(body)["model"], safe=""))
        return self._url(path)

    def _url(self, path: str, *, base_url: str = "") -> URL:
        url = URL((base_url or self.settings.base_url).rstrip("/") + path)
        return url.update_query(self.settings.quirks.query) if self.settings.quirks.query else url

    async def _open(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> UpstreamAnswer:
        response = await self._send(method, url, body, headers)
        answer = UpstreamAnswer(response)
        try:
            await self._check(response)
        except BaseException:
            answer.close()
            raise
        return answer

    async def _send(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> ClientResponse:
        if self._session is None:
            raise RuntimeError("the upstream is not entered")
        try:
            return await self._session.request(
                method, url, data=_in_pieces(body), headers=headers, allow_redirects=False
            )
        except (ClientError, ConnectionError) as error:
            raise without_head(error) from error

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


def _own_connection(response: ClientResponse) -> Connection | None:
    connection = response.connection.protocol if response.connection is not None else None
    return connection if isinstance(connection, Connection) else None


def _in_pieces(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large body in a form that aiohttp sends piece by piece, with other tasks between the pieces."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body


def _answer_headers(request_id: str, *, is_stream: bool) -> dict[str, str]:
    accept = "text/event-stream" if is_stream else "application/json"
    return {CONTENT_TYPE: "application/json", ACCEPT: accept, _OWN_ID: request_id, **headers_to_pass_on()}


def _headers(settings: ProviderSettings) -> dict[str, str]:
    headers = {USER_AGENT: f"responses-gateway/{__version__}", ACCEPT_ENCODING: "identity", **settings.headers}
    if settings.api_key and settings.quirks.auth == "bearer":
        headers[AUTHORIZATION] = f"Bearer {settings.api_key}"
    elif settings.api_key and settings.quirks.auth == "api-key":
        headers["api-key"] = settings.api_key
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
