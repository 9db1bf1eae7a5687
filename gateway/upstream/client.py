"""One upstream over HTTP: opens a request and hands its body over as raw bytes.

Knows sockets and statuses, no event and no chunk. The destination comes from the configuration alone; redirects are
never followed, and no header of a client is passed on.
"""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote

from aiohttp import BaseConnector, ClientError, ClientRequest, ClientTimeout
from aiohttp.hdrs import (
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    HOST,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    USER_AGENT,
)
from multidict import CIMultiDict
from yarl import URL

from gateway import __version__
from gateway.codec.http_head import header_lines
from gateway.codec.json import loads
from gateway.codec.upstream_error import error_from_response
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.telemetry.traces import headers_to_pass_on
from gateway.upstream.answer import UpstreamAnswer
from gateway.upstream.connections import open_pool, without_connection
from gateway.upstream.proxies import proxy_of
from gateway.upstream.refusals import Refusals
from gateway.upstream.request_head import request_line

ERROR_BODY_BYTES = 65_536
"""The most that is read of an error's body."""

CHAT_PATH = "/chat/completions"
"""Where Chat Completions are, unless the quirk `chat_path` says something else."""

_PLAIN = ("identity", "chunked")
"""The coding and the framing of a body that can be read; no length is a framing of its own."""
_MOST_REFUSED = 4
"""Members of one request that are found out to be refused, one after the other."""
_MODEL = "{model}"
"""Stands in a path for the model's id."""
_OWN_ID = "x-client-request-id"
"""OpenAI's name for an id of the caller's; llama-cpp-python refuses an `x-request-id` that is no UUID."""
_MOST_HEADS = 16
"""Beginnings of heads that are kept: there are few paths, unless each model has its own."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_SECRET_LENGTH = 6
"""A shorter value of a header is no secret, and would be taken out of innocent words."""


PendingAnswer = Coroutine[Any, Any, UpstreamAnswer]
"""Asks when it is awaited."""

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
        self._responses_url = self._url("/responses")
        self._chat_url_of_all = None if _MODEL in settings.quirks.chat_path else self._url(settings.quirks.chat_path)
        self._headers = _headers(settings)
        self._heads: dict[tuple[str, URL, str], bytes] = {}
        self._secrets = [text for text in (settings.api_key, *settings.headers.values()) if len(text) >= _SECRET_LENGTH]
        self._timeout = ClientTimeout(total=None, connect=settings.connect_timeout_seconds)
        self._pool: BaseConnector | None = None
        self._destination: ClientRequest | None = None
        self.refusals = Refusals(settings.name)

    @property
    def name(self) -> str:
        return self.settings.name

    async def __aenter__(self) -> Self:
        proxy = proxy_of(self.settings, os.environ)
        self._pool = open_pool(self.settings)
        self._destination = ClientRequest(
            "GET", URL(self.settings.base_url), proxy=URL(proxy) if proxy else None, loop=asyncio.get_running_loop()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    def open_chat(self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False) -> PendingAnswer:
        """Posts a Chat Completions request and waits for the head of a 2xx answer.

        Args:
            body: the request; `refusals` tells what else than it was sent.
            is_stream: whether events are asked for.
            request_id: passed on.
            is_verbatim: send nothing else than the body.

        Raises:
            GatewayError: for every other answer, and when there is none.
        """
        return self._open_answer(self._chat_url(body), body, request_id, is_stream, is_verbatim)

    def open_answer(self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False) -> PendingAnswer:
        """As `open_chat`, in the API that the provider's `wire` names."""
        url = self._chat_url(body) if self.settings.wire == "chat" else self._responses_url
        return self._open_answer(url, body, request_id, is_stream, is_verbatim)

    async def _open_answer(
        self, url: URL, body: bytes, request_id: str, is_stream: bool, is_verbatim: bool
    ) -> UpstreamAnswer:
        """Asks again without what is refused, as long as the request stays the same conversation."""
        accept = "text/event-stream" if is_stream else "application/json"
        headers = {_OWN_ID: request_id, **headers_to_pass_on()}
        for _ in range(0 if is_verbatim else _MOST_REFUSED):
            try:
                return await self._open("POST", url, body, accept, headers)
            except GatewayError as error:
                if (without := self.refusals.learn(body, error)) is None:
                    raise
                body = without
        return await self._open("POST", url, body, accept, headers)

    async def open_beside(self, path: str, body: bytes) -> UpstreamAnswer:
        """Posts to an endpoint that a server has beside the API, as `/tokenize`: below the base URL without `/v1`."""
        url = self._url(path, base_url=self.settings.base_url.rstrip("/").removesuffix("/v1"))
        return await self._open("POST", url, body, "application/json", {})

    async def open_models(self) -> UpstreamAnswer:
        """Asks for the list of models."""
        return await self._open("GET", self._models_url, None, "application/json", {})

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
        answer = await self._send("GET" if body is None else "POST", url, body, "*/*", {})
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
        return RawAnswer(answer.status, answer.content_type, self._concealed(b"".join(pieces)), ending)

    def _concealed(self, body: bytes) -> bytes:
        for secret in self._secrets:
            body = body.replace(secret.encode(), b"***")
        return body

    def _chat_url(self, body: bytes) -> URL:
        if self._chat_url_of_all is not None:
            return self._chat_url_of_all
        return self._url(self.settings.quirks.chat_path.replace(_MODEL, quote(loads(body)["model"], safe="")))

    def _url(self, path: str, *, base_url: str = "") -> URL:
        url = URL((base_url or self.settings.base_url).rstrip("/") + path)
        return url.update_query(self.settings.quirks.query) if self.settings.quirks.query else url

    async def _open(
        self, method: str, url: URL, body: bytes | None, accept: str, headers: Mapping[str, str]
    ) -> UpstreamAnswer:
        answer = await self._send(method, url, body, accept, headers)
        try:
            if not 200 <= answer.status < 300:
                start = await _start(answer)
                raise self._without_secret(error_from_response(answer.status, answer.headers, start))
            _check(answer)
            answer.headers = _NO_HEADERS  # nobody looks at them any more, and the body may take long
        except BaseException:
            answer.close()
            raise
        return answer

    async def _send(
        self, method: str, url: URL, body: bytes | None, accept: str, headers: Mapping[str, str]
    ) -> UpstreamAnswer:
        """Asks on a connection of the pool; the answer may have any status."""
        if self._pool is None or self._destination is None:
            raise RuntimeError("the upstream is not entered")
        try:
            pooled = await self._pool.connect(self._destination, [], self._timeout)
        except (ClientError, OSError) as error:  # a time-out is one too
            raise without_connection(error) from error
        answer = UpstreamAnswer(pooled)
        try:
            beginning = self._beginning(self._destination, method, url, accept)
            length = b"Content-Length: %d\r\n" % len(body) if body is not None else b""
            await answer.ask(b"%b%b%b\r\n" % (beginning, length, header_lines(headers)), body or b"")
        except BaseException:
            answer.close()
            raise
        return answer

    def _beginning(self, destination: ClientRequest, method: str, url: URL, accept: str) -> bytes:
        """The lines of a head that do not change from one request to the next."""
        if (known := self._heads.get((method, url, accept))) is not None:
            return known
        headers = CIMultiDict({HOST: url.host_port_subcomponent or ""})
        if (credentials := destination.headers.get(PROXY_AUTHORIZATION)) is not None:
            headers[PROXY_AUTHORIZATION] = credentials
        headers.update(self._headers)
        headers[ACCEPT] = accept
        if method == "POST":
            headers[CONTENT_TYPE] = "application/json"
        is_through_proxy = destination.proxy is not None and not destination.is_ssl()
        beginning = request_line(method, url, is_through_proxy=is_through_proxy) + header_lines(headers)
        if len(self._heads) < _MOST_HEADS:
            self._heads[method, url, accept] = beginning
        return beginning

    def _without_secret(self, error: GatewayError) -> GatewayError:
        """Upstreams like to quote the key that they refuse."""
        for secret in self._secrets:
            error.message = error.message.replace(secret, "***")
            error.upstream_code = error.upstream_code and error.upstream_code.replace(secret, "***")
        return error


def _check(answer: UpstreamAnswer) -> None:
    """Raises GatewayError for a body that cannot be an answer of the API."""
    headers = answer.headers
    coding, framing = headers.get(CONTENT_ENCODING, "identity"), headers.get(TRANSFER_ENCODING, "chunked")
    is_plain = (coding, framing) == _PLAIN  # as nearly always
    if not is_plain and (coding.strip().lower(), framing.strip().lower()) != _PLAIN:
        raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream compressed its answer although asked not to.")
    if answer.content_type == "text/html":
        raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, "The upstream sent a page of HTML.")


def _headers(settings: ProviderSettings) -> CIMultiDict[str]:
    headers = CIMultiDict({USER_AGENT: f"responses-gateway/{__version__}", ACCEPT_ENCODING: "identity"})
    headers.update(settings.headers)
    if settings.api_key and settings.quirks.auth == "bearer":
        headers[AUTHORIZATION] = f"Bearer {settings.api_key}"
    elif settings.api_key and settings.quirks.auth == "api-key":
        headers["api-key"] = settings.api_key
    return headers


async def _start(answer: UpstreamAnswer) -> bytes:
    """The beginning of a body; a connection that breaks meanwhile only makes it shorter."""
    body = b""
    try:
        while len(body) < ERROR_BODY_BYTES and (piece := await answer.read()):
            body += piece
    except GatewayError:
        return body
    return body[:ERROR_BODY_BYTES]
