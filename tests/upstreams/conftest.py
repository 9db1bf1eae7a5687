"""Starts each real server once, the gateway in front of it, and keeps what the tests saw.

The files `check_*.py` are found by no ordinary run, since their names are not those of tests; `make test-upstreams`
names them.
"""

import platform
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import pytest
from openai import AsyncOpenAI

from tests.fakes.gateway import GatewayProcess, start_gateway
from tests.upstreams import installation, results
from tests.upstreams.results import Facts, Row
from tests.upstreams.running import RunningServer
from tests.upstreams.scene import MODEL, Scene
from tests.upstreams.servers import SERVERS, Server

Tell = Callable[[str], None]

FACTS = pytest.StashKey[dict[str, Facts]]()
ROWS = pytest.StashKey[list[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FACTS], config.stash[ROWS] = {}, []


@pytest.fixture(scope="session", params=SERVERS, ids=lambda server: server.name)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[RunningServer]:
    """One of the real servers."""
    server: Server = request.param
    process = RunningServer(server, tmp_path_factory.mktemp(server.name))
    process.start()
    started = process.seconds_to_start
    begun = time.monotonic()
    yield process
    seconds = time.monotonic() - begun
    process.stop()
    pytestconfig.stash[FACTS][server.name] = Facts(
        version=installation.version(server),
        python=platform.python_version(),
        install_seconds=round(installation.seconds_installed(server) or 0.0),
        start_seconds=round(started),
        test_seconds=round(seconds),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


@pytest.fixture(scope="session")
def real_gateway(running: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The gateway with that server: with its own block, with nothing but its address, and through its own Responses API."""
    server = running.server
    block = server.provider(running.port)
    plain = {"name": "plain", "base_url": block["base_url"]}
    native = plain | {"name": "native", "wire": "responses"}
    aliases = [{"id": MODEL, "targets": [f"{server.name}/{server.model}"]}]
    sections = {"models": aliases, "server": {"heartbeat_seconds": 1}}
    gateway = start_gateway(tmp_path_factory.mktemp("gateway"), [block, plain, native], sections=sections)
    yield gateway
    gateway.stop_cleanly()


@pytest.fixture
async def scene(running: RunningServer, real_gateway: GatewayProcess) -> AsyncIterator[Scene]:
    """The server, the gateway and a client."""
    async with AsyncOpenAI(
        base_url=real_gateway.base_url, api_key=real_gateway.key, max_retries=0, timeout=30
    ) as client:
        yield Scene(running, real_gateway, client)


@pytest.fixture
def tell(running: RunningServer, record_property: Callable[[str, object], None]) -> Tell:
    """Says what was seen, where that is not simply "yes"."""
    record_property("server", running.server.name)
    return lambda text: record_property("seen", text)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Keep what the test of a real server saw."""
    told = dict(item.user_properties)
    if call.when != "call" or "server" not in told:
        return
    seen = "**fails**" if call.excinfo else str(told.get("seen", "yes"))
    item.config.stash[ROWS].append(Row(results.sentence(item.name.partition("[")[0]), str(told["server"]), seen))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what this run saw."""
    if rows := session.config.stash[ROWS]:
        results.write(results.keep(results.load(), session.config.stash[FACTS], rows, results.tests()))
