"""Rolling restarts of instances behind nginx, under load, with every request counted: `python -m tests.faults.rolling`.

The client asks at a steady rate, as long as answers come: short answers, streamed and whole, and now and then a
stream of some seconds that lives through a restart. Client and upstream share this process.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import click
import orjson
import tomli_w

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.gateway import KEY
from tests.fakes.nginx import Nginx, running_nginx
from tests.fakes.service_manager import Instance, instance
from tests.fakes.upstream import Script, running_upstream

INSTANCES = 2
SLOW_EVERY = 100
"""One of so many requests is the slow stream."""

MOST_OPEN = 300
"""Requests at once: on a machine with too much to do they come more slowly, and do not pile up."""

_SHORT = Script.of(chat.text_stream("Hello"))
_SLOW = Script.of(*[step for _ in range(30) for step in (chat.chunk({"content": "a"}), 0.1)], chat.text_stream("b"))
_WHOLE = Script.json(
    {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": chat.USAGE,
    }
)


def script_for(request: JSONObject) -> Script:
    """By what was asked."""
    if "slow" in str(request["messages"][-1]["content"]):
        return _SLOW
    return _SHORT if request.get("stream") else _WHOLE


@dataclass(slots=True)
class Load:
    """A steady stream of requests, and what became of each."""

    url: str
    rate: float
    """Requests a second."""
    endings: Counter[str] = field(default_factory=Counter)
    nginx_errors: str = ""
    """What nginx has logged at the end."""
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """Asks until the event is set, and then waits for all answers."""
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            loop, number = asyncio.get_running_loop(), 0
            started = loop.time()
            while not stop.is_set():
                while number < (loop.time() - started) * self.rate and len(self._open) < MOST_OPEN:
                    self._begin(session, number)
                    number += 1
                await asyncio.sleep(0.005)
            await asyncio.gather(*self._open)

    def _begin(self, session: aiohttp.ClientSession, number: int) -> None:
        task = asyncio.create_task(self._ask(session, number))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _ask(self, session: aiohttp.ClientSession, number: int) -> None:
        is_slow = number % SLOW_EVERY == 0
        request = {"model": "up/model", "input": "slow" if is_slow else "Hi", "stream": is_slow or number % 2 == 0}
        try:
            async with session.post(f"{self.url}/responses", data=orjson.dumps(request), headers=_JSON) as answer:
                self.endings[_ending(answer.status, await answer.read(), is_stream=request["stream"] is True)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.endings[type(error).__name__] += 1

    @property
    def requests(self) -> int:
        """How many have come to an end."""
        return self.endings.total()

    @property
    def failures(self) -> dict[str, int]:
        """Every end but the good one."""
        return {ending: count for ending, count in self.endings.items() if ending != "completed"}


_JSON = {"Content-Type": "application/json"}


def _ending(status: int, body: bytes, *, is_stream: bool) -> str:
    if status != 200:
        return f"{status} {body[:200]!r}"
    is_whole = body.endswith(b"data: [DONE]\n\n") and b"event: response.completed\n" in body
    if is_stream:
        return "completed" if is_whole else f"cut: {body[-200:]!r}"
    return "completed" if orjson.loads(body)["status"] == "completed" else f"not completed: {body[:200]!r}"


@dataclass(slots=True)
class Fleet:
    """Instances behind an nginx."""

    nginx: Nginx
    instances: list[Instance]

    async def restart_all(self) -> None:
        """One round: each instance, one after the other."""
        for each in self.instances:
            await each.rolling_restart()


@asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[Fleet]:
    """Two instances of the gateway, the shipped nginx before them, and an upstream behind."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running_upstream())
        upstream.respond(script_for)
        config = folder / "gateway.toml"
        tables = {"providers": [{"name": "up", "base_url": upstream.base_url}], "logging": {"level": "warning"}}
        config.write_text(tomli_w.dumps(tables))
        numbers = range(1, INSTANCES + 1)
        instances = [await stack.enter_async_context(instance(folder, config, number)) for number in numbers]
        sockets = [each.path for each in instances]
        nginx = stack.enter_context(running_nginx(folder / "nginx", "several-instances", sockets))
        yield Fleet(nginx, instances)


async def restarted_under_load(folder: Path, rounds: int, rate: float, requests: int = 0) -> tuple[Load, int]:
    """The load and the rolling restarts of the whole fleet: so many of them, or more until there are as many requests."""
    async with fleet(folder) as running:
        load, stop = Load(running.nginx.base_url, rate), asyncio.Event()
        asking = asyncio.create_task(load.run(stop))
        done = 0
        while done < rounds or load.requests < requests:
            await running.restart_all()
            done += 1
        stop.set()
        await asking
        load.nginx_errors = running.nginx.errors
        return load, done


@click.command()
@click.option("--rounds", default=10, show_default=True, help="Rolling restarts of both instances.")
@click.option("--rate", default=300.0, show_default=True, help="Requests a second.")
@click.option("--requests", default=0, help="Go on with restarts until there are so many.")
def main(rounds: int, rate: float, requests: int) -> None:
    """Restart two instances behind nginx under load, and fail if a request does."""
    with tempfile.TemporaryDirectory() as folder:
        load, done = asyncio.run(restarted_under_load(Path(folder), rounds, rate, requests))
    click.echo(f"{done} rolling restarts, {load.requests} requests, {sum(load.failures.values())} failed")
    for ending, count in load.failures.items():
        click.echo(f"{count} x {ending}")
    if load.failures:
        click.echo(load.nginx_errors[-2000:])
    if load.failures or not load.requests:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
