"""The shipped sites, before real gateways: nginx takes them, and what comes through is what the gateway said."""

import asyncio
import io
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest
import tomli_w

from gateway.codec.json import JSONObject
from gateway.process import stopping
from gateway.settings import ProviderSettings, ServerSettings
from tests import debian
from tests.fakes import chat
from tests.fakes.gateway import KEY
from tests.fakes.nginx import SHIPPED, VARIANTS, Nginx, installed, running_nginx
from tests.fakes.service_manager import Instance, instance
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.official import check_error, check_response, check_stream

REQUEST: JSONObject = {"model": "up/model", "input": "Hi"}
HEADERS = {"Authorization": f"Bearer {KEY}"}


@dataclass(slots=True)
class Place:
    """nginx, the instances behind it, and the upstream behind all of them."""

    nginx: Nginx
    instances: list[Instance]
    upstream: Upstream
    client: aiohttp.ClientSession

    async def post(self, request: JSONObject = REQUEST, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with names in lower case, and body."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Content-Type"] = "application/json"
        body = io.BytesIO(orjson.dumps(request))
        async with self.client.post(f"{self.nginx.secure_url}/responses", data=body, headers=sent) as answer:
            named = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, named, await answer.read()


@asynccontextmanager
async def place(folder: Path, variant: str = "several-instances") -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running_upstream())
        upstream.answer(Script.of(chat.text_stream("Hello")))
        config = folder / "gateway.toml"
        providers = [{"name": "up", "base_url": upstream.base_url}]
        config.write_text(tomli_w.dumps({"providers": providers, "server": {"drain_seconds": 1}}))
        numbers = range(1, VARIANTS[variant] + 1)
        instances = [await stack.enter_async_context(instance(folder, config, number)) for number in numbers]
        nginx = stack.enter_context(running_nginx(folder / "nginx", variant, [each.path for each in instances]))
        connector = aiohttp.TCPConnector(ssl=nginx.trust)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(headers=HEADERS, connector=connector, timeout=aiohttp.ClientTimeout(WAIT * 2))
        )
        yield Place(nginx, instances, upstream, client)


@pytest.fixture(params=VARIANTS)
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path, request.param) as prepared:
        yield prepared


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path, "one-instance") as prepared:
        yield prepared


@pytest.mark.parametrize("variant", VARIANTS)
def test_nginx_takes_the_site(tmp_path: Path, variant: str) -> None:
    sockets = [tmp_path / f"{number + 1}.sock" for number in range(VARIANTS[variant])]
    command = [*installed(tmp_path / "nginx", variant, sockets).command, "-t"]
    done = subprocess.run(command, env=debian.environment(), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr
    assert "[warn]" not in done.stderr


def seconds(text: str, directive: str) -> float:
    (line,) = [line.split("#")[0] for line in text.splitlines() if line.strip().startswith(f"{directive} ")]
    return float(line.split()[1].rstrip(";s"))


def test_its_limits_fit_those_of_the_gateway() -> None:
    shared = (SHIPPED / "snippets" / "responses-gateway.conf").read_text(encoding="utf-8")
    server, provider = ServerSettings(), ProviderSettings(name="up", base_url="http://h")
    assert f"client_max_body_size {server.max_body_bytes // 2**20}m;" in shared
    assert seconds(shared, "proxy_read_timeout") > provider.total_timeout_seconds > server.heartbeat_seconds
    assert seconds(shared, "client_body_timeout") < server.body_timeout_seconds
    for variant in VARIANTS:
        site = (SHIPPED / f"{variant}.conf").read_text(encoding="utf-8")
        assert seconds(site, "keepalive_timeout") < stopping._LINGER_SECONDS


async def test_a_stream_comes_chunk_by_chunk(either: Place) -> None:
    pieces = [step for number in range(5) for step in (chat.chunk({"content": str(number)}), 0.2)]
    either.upstream.answer(Script.of(*pieces, chat.text_stream("end")))
    body, deltas_before_the_end = b"", 0
    async with either.client.post(f"{either.nginx.secure_url}/responses", json=REQUEST | {"stream": True}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert "Content-Encoding" not in answer.headers
        async for block in answer.content.iter_any():
            body += block
            if not either.upstream.last.finished.is_set():
                deltas_before_the_end = body.count(b"event: response.output_text.delta")
    assert deltas_before_the_end >= 4
    assert check_stream(body).response["status"] == "completed"


async def test_answers_and_errors_are_the_gateways_own(either: Place) -> None:
    status, headers, body = await either.post()
    assert status == 200
    assert headers["cache-control"] == "no-store"
    check_response(orjson.loads(body))
    status, _, body = await either.post({"model": "nobody/model", "input": "Hi"})
    assert status == 404
    assert orjson.loads(body)["error"]["code"] == "model_not_found"
    either.upstream.answer(Script(status=500))
    status, _, body = await either.post()
    assert status == 502
    assert orjson.loads(body)["error"]["code"] == "upstream_error"


async def test_a_large_request_arrives_whole(here: Place) -> None:
    text = "x" * 5_000_000
    status, _, _ = await here.post(REQUEST | {"input": text})
    assert status == 200
    assert here.upstream.last.json["messages"][-1]["content"] == text


async def test_a_body_beyond_the_limit_is_an_error_of_the_api(here: Place) -> None:
    async def never_sent() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Content-Length": str(ServerSettings().max_body_bytes + 1), "Content-Type": "application/json"}
    address = f"{here.nginx.secure_url}/responses"
    async with here.client.post(address, data=never_sent(), headers=headers) as answer:
        assert answer.status == 413
        error = await answer.json()
        check_error(error)
        assert error["error"]["code"] == "request_too_large"


async def test_too_many_requests_from_one_address_are_an_error_of_the_api(here: Place, tmp_path: Path) -> None:
    here.upstream.answer(Script.of(0.5, chat.text_stream("Hello")))
    sockets = [each.path for each in here.instances]
    with running_nginx(tmp_path / "limited", "one-instance", sockets, most_at_once=2) as limited:
        async with aiohttp.ClientSession(headers=HEADERS) as client:
            answers = await asyncio.gather(
                *(client.post(f"{limited.base_url}/responses", json=REQUEST) for _ in range(5))
            )
            assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429]
            for answer in (answer for answer in answers if answer.status == 429):
                assert answer.headers["Retry-After"] == "5"
                check_error(await answer.json())


async def test_request_ids_are_passed_on_or_made(here: Place) -> None:
    assert (await here.post(x_request_id="mine-1"))[1]["x-request-id"] == "mine-1"
    assert here.upstream.last.headers["x-client-request-id"] == "mine-1"
    for offered in ("", "not mine; drop"):
        made = (await here.post(x_request_id=offered))[1]["x-request-id"]
        assert len(made) == 32
        assert made.isalnum()


async def test_a_web_socket_is_sent_back_to_http(here: Place) -> None:
    """Codex takes a 426 as "use HTTP", and costs seven tries otherwise."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    async with here.client.get(f"{here.nginx.secure_url}/responses", headers=headers) as answer:
        assert answer.status == 426


async def test_a_client_that_leaves_is_noticed(here: Place) -> None:
    here.upstream.answer(Script.of(chat.chunk({"content": "a"}), "hang"))
    async with here.client.post(f"{here.nginx.secure_url}/responses", json=REQUEST | {"stream": True}) as answer:
        await answer.content.readany()
        # asyncio's polite end of TLS keeps the connection open for an answer to it; a program that is gone does not.
        assert answer.connection is not None
        assert answer.connection.transport is not None
        answer.connection.transport.abort()
    await here.upstream.last.wait_until_left()


async def test_without_an_instance_the_error_is_one_of_the_api(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for each in here.instances:
            each.stop_socket()
            await each.stop()
        status, headers, body = await here.post()
        assert status == 502
        assert headers["retry-after"] == "5"
        check_error(orjson.loads(body))


async def test_an_instance_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.instances[0].stop_socket()
        await here.instances[0].stop()
        assert {(await here.post())[0] for _ in range(20)} == {200}
        here.instances[0].start_socket()
        await here.instances[0].start()
        here.instances[1].stop_socket()
        await here.instances[1].stop()
        assert {(await here.post())[0] for _ in range(20)} == {200}


async def test_a_request_that_was_sent_is_never_sent_again(tmp_path: Path) -> None:
    """Whoever pays for the answer would pay twice; clients decide themselves whether to repeat."""
    async with place(tmp_path) as here:
        first, second = here.instances
        second.stop_socket()
        await second.stop()
        here.upstream.answer(Script.of("hang"))
        asked = asyncio.create_task(here.post())
        await here.upstream.request()
        second.start_socket()
        await second.start()
        assert first.process is not None
        first.process.process.send_signal(signal.SIGKILL)
        status, _, body = await asked
        assert status == 502
        check_error(orjson.loads(body))
        assert len(here.upstream.received) == 1
