"""Where a keys file may be, and a real Redis for the tests of what gateways share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.redis import RedisServer, redis_server


@pytest.fixture(scope="module")
def running_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(running_redis: RedisServer) -> RedisServer:
    """With nothing in it."""
    with running_redis.client as client:
        client.flushall()
    return running_redis


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"
