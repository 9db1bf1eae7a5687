import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import probe
from gateway.probe import Place
from gateway.web.services import SERVICES
from tests.fakes.local_gateway import local_gateway
from tests.fakes.ports import free_port


async def ask(place: Place, endpoint: str = "/healthz") -> str:
    return await asyncio.to_thread(probe.ask, place, endpoint, seconds=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_gateway_that_lives_is_well(host: str) -> None:
    async with local_gateway() as gateway:
        assert "ok" in await ask(Place(host, gateway.port))


async def test_a_gateway_on_a_socket_is_well(tmp_path: Path) -> None:
    path = tmp_path / "1.sock"
    async with local_gateway(unix_path=str(path)):
        assert "ready" in await ask(Place(path=path), "/readyz")
    with pytest.raises(probe.NotWellError, match=f"unix:{path}/healthz: Connection refused"):
        await ask(Place(path=path))


async def test_one_that_drains_lives_and_is_not_ready() -> None:
    async with local_gateway() as gateway:
        gateway.app[SERVICES].readiness.is_draining = True
        assert "ok" in await ask(Place(port=gateway.port))
        with pytest.raises(probe.NotWellError, match=r"503.*draining"):
            await ask(Place(port=gateway.port), "/readyz")


async def test_what_is_no_gateway_is_not_well() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    with pytest.raises(probe.NotWellError, match="BadStatusLine"):
        await ask(Place(port=server.sockets[0].getsockname()[1]))
    server.close()


def health(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "health", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


async def test_the_command_asks_where_the_configuration_says(tmp_path: Path) -> None:
    """It needs nothing else of the file: the keys of upstreams are not set where it runs."""
    config = tmp_path / "gateway.toml"
    async with local_gateway() as gateway:
        text = f'[server]\nport = {gateway.port}\n[[providers]]\nname = "up"\nbase_url = "${{NOT_SET}}"\n'
        config.write_text(text)
        for arguments in ((), ("--ready",)):
            done = await asyncio.to_thread(health, config, *arguments)
            assert (done.returncode, done.stderr) == (0, "")
        done = await asyncio.to_thread(health, config, "--port", str(free_port()))
        assert done.returncode == 69
        assert "Connection refused" in done.stderr
    config.write_text("[server]\nprot = 1\n")
    assert (await asyncio.to_thread(health, config)).returncode == 78
