import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import tomli_w

from gateway.process.systemd import ServiceManager, inherited_sockets
from tests import debian
from tests.fakes import chat
from tests.fakes.gateway import KEY, SERVE, GatewayProcess, start_process
from tests.fakes.log import captured_log
from tests.fakes.ports import free_port
from tests.fakes.service_manager import Instance, instance, launch, notices, until_ended
from tests.fakes.upstream import WAIT, Script, Upstream, running_upstream
from tests.official import check_stream

REQUEST = {"model": "up/model", "input": "Hi", "stream": True}
HEADERS = {"Authorization": f"Bearer {KEY}"}


def write_config(folder: Path, base_url: str, **server: object) -> Path:
    path = folder / "gateway.toml"
    providers = [{"name": "up", "base_url": base_url, "api_key": "${UP_KEY:-}"}]
    path.write_text(tomli_w.dumps({"providers": providers, "server": {"drain_seconds": 5} | server}))
    return path


@asynccontextmanager
async def running(folder: Path, **server: object) -> AsyncIterator[tuple[Instance, Upstream]]:
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hello")))
        async with instance(folder, write_config(folder, upstream.base_url, **server)) as started:
            yield started, upstream


def session_on(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers=HEADERS, connector=aiohttp.UnixConnector(str(path)))


async def status_of_answer(path: Path) -> str:
    async with session_on(path) as session, session.post("http://gateway/v1/responses", json=REQUEST) as answer:
        assert answer.status == 200
        return str(check_stream(await answer.read()).response["status"])


# Notices


async def test_the_manager_hears_of_start_reload_and_stop(tmp_path: Path) -> None:
    async with running_upstream() as upstream, notices(tmp_path / "notify") as heard:
        config = write_config(tmp_path, upstream.base_url)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            gateway = launch(config, [listener], heard.environment | {"LISTEN_FDS": "1"})
            port = listener.getsockname()[1]
        started = await heard.wait_for("READY")
        assert started["STATUS"] == f"Listening on 127.0.0.1:{port}."
        for text, status in ((config.read_text(), "has been reloaded"), ("[server\n", "refused, the old one stays")):
            config.write_text(text)
            since, before = len(heard.heard), time.monotonic_ns() // 1000
            gateway.process.send_signal(signal.SIGHUP)
            reloading = await heard.wait_for("RELOADING", since=since)
            assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert status in (await heard.wait_for("READY", since=since))["STATUS"]
        gateway.process.send_signal(signal.SIGTERM)
        assert (await heard.wait_for("STOPPING"))["STATUS"] == "Draining: 0 requests under way."
        await until_ended(gateway)
        assert await asyncio.to_thread(gateway.stop) == 0


async def test_an_abstract_address_is_understood() -> None:
    async with notices(f"@responses-gateway-test-{os.getpid()}") as heard:
        ServiceManager(heard.environment).ready("Well.")
        assert await heard.wait_for("READY") == {"READY": "1", "STATUS": "Well."}


def test_a_manager_that_does_not_listen_is_no_reason_to_fail(tmp_path: Path) -> None:
    with captured_log() as log:
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("Well.")
        ServiceManager({}).ready("Well.")
    assert len(log.entries("the service manager did not take a notice")) == 1


@pytest.mark.case("L5")
async def test_the_watchdog_hears_nothing_while_the_event_loop_hangs(tmp_path: Path) -> None:
    async with notices(tmp_path / "notify") as heard:
        environment = heard.environment | {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": str(os.getpid())}
        async with ServiceManager(environment).assured():
            await asyncio.sleep(1)
            # Every 100 ms on an idle machine; half of that is still in time for the manager.
            assert 4 <= len(heard.heard) <= 12
            assert all(notice == {"WATCHDOG": "1"} for notice in heard.heard)
            await asyncio.sleep(0.05)
            before = len(heard.heard)
            time.sleep(0.6)  # noqa: ASYNC251 - what is tested
            heard._read()
            assert len(heard.heard) == before
            await heard.wait_for("WATCHDOG", since=before)
        ended = len(heard.heard)
        await asyncio.sleep(0.25)
        assert len(heard.heard) == ended


@pytest.mark.parametrize("watchdog", [{}, {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}])
async def test_a_watchdog_for_nobody_or_another_process_is_not_fed(tmp_path: Path, watchdog: dict[str, str]) -> None:
    async with notices(tmp_path / "notify") as heard:
        async with ServiceManager(heard.environment | watchdog).assured():
            await asyncio.sleep(0.3)
        assert heard.heard == []


async def test_a_process_that_drains_still_feeds_the_watchdog(tmp_path: Path) -> None:
    async with running_upstream() as upstream, notices(tmp_path / "notify") as heard:
        upstream.answer(Script.of(chat.chunk({"content": "a"}), "hang"))
        config = write_config(tmp_path, upstream.base_url, drain_seconds=2)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            environment = heard.environment | {"LISTEN_FDS": "1", "WATCHDOG_USEC": "200000"}
            gateway = launch(config, [listener], environment)
            port = listener.getsockname()[1]
        await heard.wait_for("READY")
        async with (
            aiohttp.ClientSession(headers=HEADERS) as session,
            session.post(f"http://127.0.0.1:{port}/v1/responses", json=REQUEST) as answer,
        ):
            gateway.process.send_signal(signal.SIGTERM)
            await heard.wait_for("STOPPING")
            since = len(heard.heard)
            assert check_stream(await answer.read()).response["status"] == "failed"
        assert sum("WATCHDOG" in notice for notice in heard.heard[since:]) >= 5
        await until_ended(gateway)


# Sockets


def test_sockets_of_another_process_are_left_alone() -> None:
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    inherited = inherited_sockets(environment)
    assert (inherited.public, inherited.admin) == ((), ())
    assert environment == {}
    assert inherited_sockets({}).public == ()


async def test_an_instance_answers_on_its_socket(tmp_path: Path) -> None:
    async with running(tmp_path) as (started, upstream):
        assert await status_of_answer(started.path) == "completed"
        assert started.process is not None
        await started.process.wait_for_line(f'"address":"unix:{started.path}"')
        await started.stop()
        assert started.path.exists()  # it is the manager's
        assert len(upstream.received) == 1


def is_there(path: Path) -> bool:
    return path.exists()


async def test_instances_that_start_at_once_make_what_they_share_once(tmp_path: Path) -> None:
    """The first start of a service: neither the sealing key nor the database is there."""
    config = tmp_path / "gateway.toml"
    provider = {"name": "up", "base_url": "http://127.0.0.1:1/v1"}
    config.write_text(tomli_w.dumps({"providers": [provider], "state": {"backend": "sqlite"}}))
    instances = [Instance(tmp_path / f"{number}.sock", config) for number in (1, 2)]
    for each in instances:
        each.start_socket()
    await asyncio.gather(*(each.start() for each in instances))
    for each in instances:
        await each.stop()
        each.stop_socket()
    assert is_there(tmp_path / "responses.db")
    assert is_there(tmp_path / "sealing.keys")


async def test_a_restart_with_its_socket_makes_requests_wait_and_loses_none(tmp_path: Path) -> None:
    async with running(tmp_path) as (started, upstream):
        upstream.answer(
            Script.of(chat.chunk({"content": "a"}), 2.0, chat.text_stream("b")), Script.of(chat.text_stream("c"))
        )
        stream = asyncio.create_task(status_of_answer(started.path))
        await upstream.request()
        stop = asyncio.create_task(started.stop())
        assert started.process is not None
        await started.process.wait_for_line('"draining"')
        await asyncio.sleep(0.5)  # so that it has stopped to listen
        waiting = [asyncio.create_task(status_of_answer(started.path)) for _ in range(20)]
        assert await stream == "completed"
        await stop
        assert len(upstream.received) == 1
        await started.start()
        assert await asyncio.gather(*waiting) == ["completed"] * 20


async def test_a_stopped_socket_is_gone_while_what_has_connected_is_served(tmp_path: Path) -> None:
    async with running(tmp_path) as (started, _), session_on(started.path) as session:
        async with session.get("http://gateway/healthz") as answer:
            assert answer.status == 200
        started.stop_socket()
        with pytest.raises(aiohttp.ClientConnectorError):
            await status_of_answer(started.path)
        async with session.get("http://gateway/healthz") as answer:
            assert answer.status == 200
            answer.close()
        await session.close()
        await started.stop()


async def test_the_admin_listener_can_be_a_socket_too(tmp_path: Path) -> None:
    async with notices(tmp_path / "notify") as heard:
        config = write_config(tmp_path, "http://127.0.0.1:1/v1")
        with socket.create_server(("127.0.0.1", 0)) as public, socket.create_server(("127.0.0.1", 0)) as admin:
            environment = {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "admin:1.socket"}
            gateway = launch(config, [admin, public], heard.environment | environment)
            ports = [each.getsockname()[1] for each in (public, admin)]
        await heard.wait_for("READY")
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            statuses = []
            for port in ports:
                for path in ("/v1/models", "/metrics", "/healthz"):
                    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                        statuses.append(answer.status)
        assert statuses == [200, 404, 200, 404, 200, 200]
        assert await asyncio.to_thread(gateway.stop) == 0


async def test_an_open_socket_needs_a_key_as_an_open_host_does(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1/v1")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        gateway = launch(config, [listener], {"LISTEN_FDS": "1", "GATEWAY_API_KEYS": ""})
        await until_ended(gateway)
    gateway.stop()
    assert gateway.process.returncode == 78
    assert "0.0.0.0 can be reached by others" in gateway.output


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_systemds_own_activator_starts_it_with_the_first_connection(tmp_path: Path, kind: str) -> None:
    path, port = tmp_path / "1.sock", free_port()
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hello")))
        config = write_config(tmp_path, upstream.base_url)
        gateway = activated(str(path) if kind == "unix" else f"127.0.0.1:{port}", config)
        connector = aiohttp.UnixConnector(str(path)) if kind == "unix" else aiohttp.TCPConnector()
        await gateway.wait_for_line("Listening on")
        async with (
            asyncio.timeout(WAIT),
            aiohttp.ClientSession(headers=HEADERS, connector=connector) as session,
            session.post(f"http://127.0.0.1:{port}/v1/responses", json=REQUEST) as answer,
        ):
            assert check_stream(await answer.read()).response["status"] == "completed"
        assert await asyncio.to_thread(gateway.stop) == 0, gateway.output


def activated(address: str, config: Path) -> GatewayProcess:
    variables = ("GATEWAY_API_KEYS", "PYTHONPATH", "LD_LIBRARY_PATH")
    command = [str(debian.program("systemd-socket-activate")), "--listen", address, "--fdname", "1.socket"]
    command += [f"--setenv={name}" for name in variables]
    return start_process([*command, *SERVE, "--config", str(config)], 0, debian.environment())
