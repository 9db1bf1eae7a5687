"""Fixtures that more than one test folder uses: the scripted upstream, and the real gateway in front of it.

The gateway process is shared by the tests of a module; its upstreams are made anew for every test, on ports that
were chosen before the process started.
"""

import gc
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from gateway.codec.json import JSONValue
from tests.fakes.gateway import GatewayProcess, start_gateway
from tests.fakes.ports import free_port
from tests.fakes.postgresql import PostgresServer, postgres_server
from tests.fakes.upstream import Upstream, running_upstream, serving

# Times of examples, and of making them, are those of a busy machine.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the suite's own."""
    told = "keep what the fault tests measure, for docs/reliability.md"
    parser.addoption("--record-figures", action="store_true", help=told)


def pytest_collection_finish() -> None:
    """What has been imported stays: no collection of garbage looks at it again, which would cost a tenth of the run."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, JSONValue, JSONValue]:
    """Half of a surrogate pair, which tests log and compare, could not go from a worker of xdist to the report."""
    return sendable((yield))


def sendable(value: JSONValue) -> JSONValue:
    """The value with all that is no Unicode text written as an escape."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {name: sendable(member) for name, member in value.items()}
        case list() | tuple():
            return type(value)(sendable(member) for member in value)
        case _:
            return value


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def upstream_port() -> int:
    """The port on which the scripted upstream of each test listens."""
    return free_port()


@pytest.fixture(scope="module")
def demo_port() -> int:
    """The port on which the demo upstream of each test listens."""
    return free_port()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream_port: int, demo_port: int) -> Iterator[GatewayProcess]:
    """The real gateway, with the providers `up` (scripted) and `demo`."""
    addresses = {"up": upstream_port, "demo": demo_port}
    providers: list[dict[str, object]] = [
        {"name": name, "base_url": f"http://127.0.0.1:{port}/v1"} for name, port in addresses.items()
    ]
    # Many tests make it fail, one after the other: that must not keep the next one from asking it, and what they count
    # are the attempts of clients.
    providers[0] |= {"api_key": "upstream-secret", "breaker_failures": 0, "max_tries": 1}
    process = start_gateway(
        tmp_path_factory.mktemp("gateway"), providers, sections={"server": {"heartbeat_seconds": 0.2}}
    )
    yield process
    process.stop_cleanly()


@pytest.fixture
async def upstream(upstream_port: int) -> AsyncIterator[Upstream]:
    """The scripted upstream behind the gateway's provider `up`."""
    async with running_upstream(upstream_port) as running:
        yield running


@pytest.fixture
async def demo(demo_port: int) -> AsyncIterator[str]:
    """The demo upstream behind the gateway's provider `demo`, answering as fast as it can."""
    from gateway.demo.app import create_app

    async with serving(create_app(pace_seconds=0), demo_port) as base_url:
        yield base_url
