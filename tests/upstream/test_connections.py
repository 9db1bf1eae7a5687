"""Connections over real sockets: TLS, certificates of clients, proxies, unix sockets."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream
from gateway.upstream.connections import lost_without_head
from tests.fakes import certificates
from tests.fakes.ports import free_port
from tests.fakes.raw import raw_upstream
from tests.fakes.sites import ANSWER, site
from tests.fakes.upstream import Script, running_upstream


def provider(base_url: str, **members: object) -> ProviderSettings:
    return ProviderSettings(name="up", base_url=base_url, **members)  # type: ignore[arg-type]


async def asked(settings: ProviderSettings, times: int = 1) -> bytes:
    body = b""
    async with Upstream(settings) as up:
        for _ in range(times):
            answer = await up.open_chat(b"{}", is_stream=True, request_id="req_1")
            try:
                while piece := await answer.read():
                    body += piece
            finally:
                answer.close()
    return body


async def refused(settings: ProviderSettings) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await asked(settings)
    assert "127.0.0.1" not in caught.value.message
    return caught.value


# TLS


async def test_a_certificate_of_a_named_authority_is_trusted(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    async with site(context=certificates.signed(tmp_path, ca).server_context()) as (url, _):
        assert await asked(provider(url, ca_file=str(ca.path))) == ANSWER


@pytest.mark.parametrize(
    ("name", "ends_in", "is_known", "reason"),
    [
        ("127.0.0.1", dt.timedelta(days=-1), True, "certificate_expired"),
        ("127.0.0.1", certificates.DAY, False, "certificate_unknown_ca"),
        ("127.0.0.2", certificates.DAY, True, "certificate_wrong_name"),
        ("other.example", certificates.DAY, True, "certificate_wrong_name"),
    ],
)
async def test_a_bad_certificate_is_told_by_its_class_alone(
    tmp_path: Path, name: str, ends_in: dt.timedelta, is_known: bool, reason: str
) -> None:
    ca = certificates.authority(tmp_path)
    served = certificates.signed(tmp_path, ca, name, ends_in=ends_in)
    async with site(context=served.server_context()) as (url, upstream):
        error = await refused(provider(url, ca_file=str(ca.path) if is_known else ""))
        assert (error.kind, error.status, error.upstream_code) == (ErrorKind.UPSTREAM_TLS, 502, reason)
        assert not upstream.received


async def test_a_certificate_is_shown_to_an_upstream_that_wants_one(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    context = certificates.signed(tmp_path, ca).server_context(clients=ca)
    mine = str(certificates.signed(tmp_path, ca, "gateway").path)
    async with site(context=context) as (url, _):
        shown = provider(url, ca_file=str(ca.path), client_certificate=mine, client_key=mine)
        assert await asked(shown) == ANSWER


async def test_an_upstream_that_wants_a_certificate_in_vain(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    context = certificates.signed(tmp_path, ca).server_context(clients=ca)
    async with site(context=context) as (url, upstream):
        error = await refused(provider(url, ca_file=str(ca.path)))
        assert error.rule.source == "upstream"
        assert not upstream.received


def test_a_refusal_after_the_handshake_is_one_of_tls_too() -> None:
    """With TLS 1.3 the gateway's certificate is looked at when it has sent its request already."""
    error = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]")
    assert lost_without_head(error).upstream_code == "tls_refused"


async def test_a_server_that_speaks_no_tls() -> None:
    async with running_upstream() as server:
        error = await refused(provider(server.base_url.replace("http:", "https:")))
        assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_TLS, "tls_refused")


# Unix sockets


async def test_a_unix_socket_is_used_whatever_the_host_is(tmp_path: Path) -> None:
    async with site(socket=tmp_path / "s") as (url, upstream):
        assert await asked(provider(url, unix_socket=str(tmp_path / "s"))) == ANSWER
        assert upstream.last.headers["host"] == "localhost"


async def test_a_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    error = await refused(provider("http://localhost/v1", unix_socket=str(tmp_path / "s")))
    assert error.kind is ErrorKind.UPSTREAM_UNREACHABLE
    assert str(tmp_path) not in error.message


# Proxies


@dataclass(slots=True)
class Proxy:
    """Understands CONNECT and absolute addresses, and passes the bytes on; or refuses everything."""

    status: int = 200
    url: str = ""
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            method, address = head.split()[:2]
            if self.status != 200:
                writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self.status)
                await writer.drain()
                return
            is_tunnel = method == b"CONNECT"
            place = address if is_tunnel else address.split(b"/")[2]
            host, port = place.split(b":")
            inner_reader, inner_writer = await asyncio.open_connection(host.decode(), int(port))
            if is_tunnel:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                inner_writer.write(head.replace(address, b"/" + address.split(b"/", 3)[3], 1))
            await asyncio.gather(passed(reader, inner_writer), passed(inner_reader, writer))
        finally:
            writer.close()


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def proxy(status: int = 200) -> AsyncIterator[Proxy]:
    running = Proxy(status)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()


@pytest.fixture
def no_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


async def test_a_plain_upstream_is_asked_through_the_proxy() -> None:
    async with site() as (url, upstream), proxy() as between:
        assert await asked(provider(url, proxy=between.url.replace("//", "//user:password@"))) == ANSWER
        assert between.heads[0].startswith(f"POST {url}/chat/completions ".encode())
        assert b"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" in between.heads[0]
        assert len(upstream.received) == 1


async def test_an_upstream_with_tls_is_reached_through_a_tunnel(tmp_path: Path) -> None:
    ca = certificates.authority(tmp_path)
    context = certificates.signed(tmp_path, ca).server_context()
    async with site(context=context) as (url, _), proxy() as between:
        named = between.url.replace("//", "//user:password@")
        assert await asked(provider(url, ca_file=str(ca.path), proxy=named, api_key="secret-key")) == ANSWER
        (head,) = between.heads
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==" in head
        assert b"secret-key" not in head


@pytest.mark.parametrize(("status", "reason"), [(407, "proxy_status_407"), (503, "proxy_status_503")])
async def test_a_proxy_that_refuses_the_tunnel(status: int, reason: str) -> None:
    async with proxy(status) as between:
        error = await refused(provider("https://127.0.0.1:9/v1", proxy=between.url))
        assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_UNREACHABLE, reason)


async def test_a_proxy_that_speaks_no_http() -> None:
    async with raw_upstream((b"rubbish\r\n\r\n", "hang")) as between:
        error = await refused(provider("https://127.0.0.1:9/v1", proxy=between.base_url.removesuffix("/v1")))
        assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_UNREACHABLE, "proxy_protocol")


async def test_a_proxy_that_refuses_the_gateway_is_no_fault_of_the_client() -> None:
    async with proxy(407) as between:
        error = await refused(provider("http://127.0.0.1:9/v1", proxy=between.url))
        assert error.kind is ErrorKind.UPSTREAM_CREDENTIALS


async def test_a_proxy_that_is_not_there() -> None:
    error = await refused(provider("http://127.0.0.1:9/v1", proxy=f"http://127.0.0.1:{free_port()}"))
    assert (error.kind, error.upstream_code) == (ErrorKind.UPSTREAM_UNREACHABLE, "proxy_unreachable")


@pytest.mark.parametrize(("setting", "exempt", "is_used"), [("env", "", 1), ("env", "127.0.0.1", 0), ("", "", 0)])
async def test_the_environments_proxy_is_used_only_when_configured(
    no_proxy_in_the_environment: pytest.MonkeyPatch, setting: str, exempt: str, is_used: int
) -> None:
    async with site() as (url, _), proxy() as between:
        no_proxy_in_the_environment.setenv("HTTP_PROXY", between.url)
        no_proxy_in_the_environment.setenv("NO_PROXY", exempt)
        assert await asked(provider(url, proxy=setting)) == ANSWER
        assert len(between.heads) == is_used


# The pool


@pytest.mark.parametrize(("seconds", "connections"), [(15, 1), (0, 2)])
async def test_a_connection_is_kept_for_the_next_request(seconds: int, connections: int) -> None:
    async with site() as (url, _), proxy() as between:
        assert await asked(provider(url, proxy=between.url, keep_alive_seconds=seconds), times=2) == ANSWER * 2
        assert len(between.heads) == connections


async def test_names_may_be_looked_up_each_time() -> None:
    async with site() as (url, _):
        named = url.replace("127.0.0.1", "localhost")
        assert await asked(provider(named, dns_cache_seconds=0, keep_alive_seconds=0), times=2) == ANSWER * 2


@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_never_followed(status: int) -> None:
    async with running_upstream() as server, running_upstream() as other:
        headers = {"Location": f"{other.base_url}/chat/completions"}
        server.answer(Script((b"",), status, "text/plain", headers))
        assert (await refused(provider(server.base_url))).kind is ErrorKind.UPSTREAM_PROTOCOL
        assert not other.received
