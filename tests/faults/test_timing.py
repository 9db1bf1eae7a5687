"""What the time of an answer tells (T1, T4): nothing of keys, and nothing of what belongs to others. And ids (T5)."""

import asyncio
import hashlib
import random
import socket
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from gateway.access.issuing import add_key
from tests.fakes import chat
from tests.fakes.gateway import GatewayProcess, running_gateway
from tests.fakes.local_gateway import KEY
from tests.fakes.raw import http
from tests.fakes.upstream import Script, running_upstream
from tests.faults.figures import Figures
from tests.faults.scene import REQUEST, ask, scene

ROUNDS = 800
KEYS = {
    "missing": None,
    "unknown": "sk-" + "a" * 43,
    "nearly right": KEY[:-1] + "x",
    "short": "a",
    "long": "a" * 500,
}


def medians(port: int, requests: Mapping[str, bytes]) -> dict[str, float]:
    """The median time of an answer to each request, asked in turn and in random order."""
    took: dict[str, list[float]] = {name: [] for name in requests}
    order = random.Random(7)
    with socket.create_connection(("127.0.0.1", port)) as client:
        for _ in range(ROUNDS):
            for name in order.sample(list(requests), len(requests)):
                started = time.perf_counter()
                client.sendall(requests[name])
                answer = client.recv(65536)
                took[name].append(time.perf_counter() - started)
                assert answer.endswith(b"}")
    return {name: statistics.median(times) for name, times in took.items()}


def spread(times: Mapping[str, float]) -> float:
    """The distance between the shortest and the longest, in seconds."""
    return max(times.values()) - min(times.values())


@pytest.mark.alone
@pytest.mark.case("T1")
async def test_t1_the_time_of_a_refusal_tells_nothing_of_the_key(figures: Figures) -> None:
    async with scene() as place:
        requests = {name: http("GET", "/v1/models", key=key) for name, key in KEYS.items()}
        times = await asyncio.to_thread(medians, place.gateway.port, requests)
        figures.note("T1", "medians apart", spread(times) * 1_000_000, "µs")
        assert spread(times) < 0.2 * min(times.values()) + 20e-6, times


async def stored_by(gateway: GatewayProcess, key: str) -> str:
    """The id of a response that belongs to the key."""
    headers = {"Authorization": f"Bearer {key}"}
    status, _, body = await ask(gateway, REQUEST | {"stream": False}, headers=headers)
    assert status == 200
    return str(orjson.loads(body)["id"])


@pytest.mark.alone
@pytest.mark.case("T4")
async def test_t4_the_time_of_a_404_tells_nothing_of_what_belongs_to_others(tmp_path: Path, figures: Figures) -> None:
    ada, bob = (add_key(tmp_path / "keys.toml", name) for name in ("ada", "bob"))
    async with running_upstream() as upstream:
        upstream.answer(Script.of(chat.text_stream("Hi")))
        providers = [{"name": "up", "base_url": upstream.base_url}]
        state = {"backend": "sqlite", "path": str(tmp_path / "state.db")}
        async with running_gateway(tmp_path, providers, sections={"state": state}) as gateway:
            real = await stored_by(gateway, ada)
            unknown = f"resp_{'0' * 48}"
            for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
                asked = [http(method, f"/v1/responses/{name}{path}", key=bob) for name in (real, unknown)]
                first, second = [await asyncio.to_thread(answer_to, gateway.port, request) for request in asked]
                assert first.replace(real.encode(), unknown.encode()) == second
            requests = {name: http("GET", f"/v1/responses/{name}", key=bob) for name in (real, unknown)}
            times = await asyncio.to_thread(medians, gateway.port, requests)
            figures.note("T4", "medians apart", spread(times) * 1_000_000, "µs")
            assert spread(times) < 0.2 * min(times.values()) + 50e-6, times


def answer_to(port: int, request: bytes) -> bytes:
    """Status line and body."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request)
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
        return head.split(b"\r\n")[0] + body


@pytest.mark.case("T5")
async def test_t5_ids_are_random_and_tell_nothing_of_the_key() -> None:
    async with scene(chat.text_stream("Hi")) as place:
        bodies = [(await ask(place.gateway, REQUEST | {"stream": False}))[2] for _ in range(100)]
        answers = [orjson.loads(body) for body in bodies]
        ids = [answer["id"].removeprefix("resp_") for answer in answers]
        ids += [answer["output"][0]["id"].removeprefix("msg_") for answer in answers]
        assert len(set(ids)) == 200
        assert all(len(bytes.fromhex(one)) >= 16 for one in ids)
        # Each digit takes all its values, and none of them is far more frequent than chance has it.
        for place_of_digit in range(32):
            digits = [one[place_of_digit] for one in ids]
            assert len(set(digits)) >= 12
            assert max(map(digits.count, set(digits))) < 40
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        assert not [one for one in ids if one[:8] in digest or digest[:8] in one]
