import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest

from gateway.access.issuing import add_key
from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import SERVE, GatewayProcess, running_gateway, start_process
from tests.fakes.ports import free_port
from tests.fakes.upstream import Script, Upstream, running_upstream
from tests.official import StreamCheck, check_stream, read_frames

REQUEST = {"model": "up/model", "input": "Hi", "stream": True}
HELLO = chat.text_stream("Hello")


@asynccontextmanager
async def running(directory: Path, **server: object) -> AsyncIterator[tuple[GatewayProcess, Upstream]]:
    """A gateway process before a scripted upstream."""
    async with running_upstream() as upstream:
        upstream.answer(Script.of(HELLO))
        providers = [{"name": "up", "base_url": upstream.base_url, "api_key": "upstream-secret"}]
        sections = {"server": server, "auth": {"reload_seconds": 0.1}}
        async with running_gateway(directory, providers, sections=sections) as gateway:
            yield gateway, upstream


async def stream_of(gateway: GatewayProcess) -> StreamCheck:
    async with (
        aiohttp.ClientSession(headers=gateway.headers) as session,
        session.post(f"{gateway.base_url}/responses", json=REQUEST) as answer,
    ):
        assert answer.status == 200
        return check_stream(await answer.read())


async def status_of(gateway: GatewayProcess, path: str, key: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {key or gateway.key}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(gateway.origin + path) as answer:
        return answer.status


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            if is_true():
                return
            await asyncio.sleep(0.01)


async def exit_status(gateway: GatewayProcess) -> int:
    await until(lambda: gateway.process.poll() is not None)
    return int(gateway.process.returncode)


async def test_after_term_a_running_stream_goes_on_and_no_connection_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds=10) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": "a"}), 1.0, HELLO))
        async with aiohttp.ClientSession() as session:
            stream = asyncio.create_task(stream_of(gateway))
            await upstream.request()
            async with session.get(f"{gateway.origin}/readyz") as answer:
                assert answer.status == 200
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.wait_for_line('"draining"')
            async with session.get(f"{gateway.origin}/readyz") as answer:  # over the connection that is open
                assert answer.status == 503
                assert answer.headers["Connection"] == "close"
            with pytest.raises(aiohttp.ClientConnectorError):
                await status_of(gateway, "/healthz")
        assert (await stream).response["status"] == "completed"
        assert await exit_status(gateway) == 0


async def test_an_idle_connection_is_left_to_its_client(tmp_path: Path) -> None:
    """Closed by the gateway, it could cross with the next request on it, which no proxy may send again."""
    async with running(tmp_path, drain_seconds=10) as (gateway, _), aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(f"{gateway.origin}/healthz") as answer:
                assert answer.headers.get("Connection") != "close"
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.wait_for_line('"draining"')
        await asyncio.sleep(1.5)
        assert gateway.process.poll() is None
        async with session.post(f"{gateway.base_url}/responses", json=REQUEST, headers=gateway.headers) as answer:
            assert answer.status == 200
            assert answer.headers["Connection"] == "close"
            assert check_stream(await answer.read()).response["status"] == "completed"
        left = time.monotonic()
        assert await exit_status(gateway) == 0
        assert time.monotonic() - left < 3  # and nobody is waited for who is not there


async def test_at_the_drain_limit_a_stream_gets_an_honest_end(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds=0.7) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": "a"}), "hang"))
        stream = asyncio.create_task(stream_of(gateway))
        received = await upstream.request()
        gateway.process.send_signal(signal.SIGTERM)
        failed = (await stream).response
        assert (failed["status"], failed["error"]["message"]) == ("failed", "The gateway is shutting down.")
        await received.wait_until_left()
        assert await exit_status(gateway) == 0
        assert '"termination":"drained"' in await gateway.wait_for_line('"/v1/responses"')


@pytest.mark.case("L3")
async def test_a_second_term_ends_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds=60) as (gateway, upstream):
        upstream.answer(Script.of(chat.chunk({"content": "a"}), "hang"))
        stream = asyncio.create_task(stream_of(gateway))
        await upstream.request()
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.wait_for_line('"draining"')
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGINT)
        assert (await stream).response["status"] == "failed"
        assert await exit_status(gateway) == 0
        assert time.monotonic() - started < 2


async def test_an_upload_that_is_under_way_is_still_answered(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds=10) as (gateway, _):
        body = orjson.dumps(REQUEST)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        await writer.drain()
        await status_of(gateway, "/healthz")  # so the head has been read
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.wait_for_line('"draining"')
        await asyncio.sleep(0.8)  # beyond the grace for new connections
        writer.write(body[5:])
        answer = await reader.read()
        writer.close()
        assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert b"Connection: close" in answer
        assert await exit_status(gateway) == 0


async def test_hup_reads_the_keys_again_and_does_not_end_a_draining_process(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds=10) as (gateway, upstream):
        key = add_key(tmp_path / "keys.toml", "new")
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.wait_for_line('"keys loaded"')
        assert await status_of(gateway, "/v1/models", key) == 200
        upstream.answer(Script.of(chat.chunk({"content": "a"}), 0.6, HELLO))
        stream = asyncio.create_task(stream_of(gateway))
        await upstream.request()
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.wait_for_line('"draining"')
        gateway.process.send_signal(signal.SIGHUP)
        assert (await stream).response["status"] == "completed"
        assert await exit_status(gateway) == 0
        assert key not in gateway.output


async def test_a_change_of_the_keys_file_is_noticed_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (gateway, _):
        key = add_key(tmp_path / "keys.toml", "new")
        await gateway.wait_for_line('"keys loaded"')
        assert await status_of(gateway, "/v1/models", key) == 200
        (tmp_path / "keys.toml").write_text("[[keys]\n")
        await gateway.wait_for_line("the old keys stay valid")
        assert await status_of(gateway, "/v1/models", key) == 200
        lines = len(gateway.lines)
        (tmp_path / "keys.toml").write_text("")
        await gateway.wait_for_line('"keys loaded"', since=lines)
        assert await status_of(gateway, "/v1/models", key) == 401
        assert await status_of(gateway, "/v1/models") == 200


def serve(
    directory: Path, configuration: JSONObject, *arguments: str, key: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a gateway that is expected to refuse."""
    import tomli_w

    file = directory / "gateway.toml"
    file.write_text(tomli_w.dumps(configuration))
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(file), *arguments]
    environment = os.environ | {"GATEWAY_API_KEYS": key}
    root = Path(__file__).parents[1]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=20, check=False)


PROVIDER: JSONObject = {"providers": [{"name": "up", "base_url": "http://127.0.0.1:1/v1"}]}


@pytest.mark.case("T12")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "gateway.example"])
def test_an_address_that_others_can_reach_needs_a_key(tmp_path: Path, host: str) -> None:
    ended = serve(tmp_path, PROVIDER, "--host", host, "--port", "0")
    assert ended.returncode == 78
    assert f"server.host: {host} can be reached by others" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_an_exit_status_of_its_own(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ended = serve(tmp_path, PROVIDER, "--host", "localhost" if port == 0 else "127.0.0.1", "--port", str(port))
    assert ended.returncode == 69
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_the_demo_prints_a_key_that_works(tmp_path: Path) -> None:
    port = free_port()
    gateway = start_process([*SERVE, "--demo", "--port", str(port)], port, {"GATEWAY_API_KEYS": ""}, folder=tmp_path)
    await asyncio.to_thread(gateway.wait_until_ready)
    line = await gateway.wait_for_line("Authorization: Bearer ")
    key = line.split("Bearer ")[1].split("'")[0]
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{gateway.base_url}/responses", json=REQUEST | {"model": "demo/demo"}) as answer,
    ):
        events = list(read_frames(await answer.read()))
        assert events[-1]["type"] == "response.completed"
    assert await asyncio.to_thread(gateway.stop) == 0
    assert "Traceback" not in gateway.output
