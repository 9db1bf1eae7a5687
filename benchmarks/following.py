"""What it costs to follow a response that another process makes, by polling and by LISTEN and NOTIFY of PostgreSQL.

`python -m benchmarks.following --url URL` needs a server of PostgreSQL on this machine, with an empty database. A
process of its own writes the events of many responses, a batch each 0.2 seconds as the gateway does; this one follows
all of them. What counts is the delay from the write to the reader, and the CPU of both and of the server.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import click

from gateway.exchange.event_log import FLUSH_SECONDS
from gateway.exchange.following import follow
from gateway.store.postgresql import PostgresDatabase
from gateway.store.records import Bounds, Record
from gateway.store.sql import SQLStore

OWNER = "ada"
BATCHES = 50
_CHANNEL = "responses"
_END = b"event: response.completed\ndata: {}\n\n"
_TICK = os.sysconf("SC_CLK_TCK")

Frames = Callable[[SQLStore, Record], AsyncIterator[bytes]]


def record(number: int) -> Record:
    """A response that is being made."""
    return Record(OWNER, f"resp_{number}", b'{"status":"in_progress"}', 1, None, "in_progress", is_background=True)


def frame() -> bytes:
    """An event that says when it was written."""
    return b"event: e\ndata: %d\n\n" % time.time_ns()


async def write(url: str, responses: int, batches: int, *, is_notifying: bool) -> float:
    """Write the events of all responses, and give the CPU seconds that it took."""
    store = SQLStore(PostgresDatabase(url), Bounds())
    channel = await asyncpg.create_pool(url, min_size=1, max_size=8) if is_notifying else None

    async def make(number: int) -> None:
        await asyncio.sleep(FLUSH_SECONDS * number / responses)
        for first in range(batches):
            last = first == batches - 1
            await store.log(OWNER, f"resp_{number}", first, [frame() if not last else _END])
            if channel is not None:  # in the transaction of the events it would be one round trip less
                await channel.execute("SELECT pg_notify($1, $2)", _CHANNEL, f"resp_{number}")
            await asyncio.sleep(FLUSH_SECONDS)

    started = time.process_time()
    await asyncio.gather(*(make(number) for number in range(responses)))
    spent = time.process_time() - started
    if channel is not None:
        await channel.close()
    await store.close()
    return spent


class Listener:
    """One connection that hears of every batch, and wakes who follows that response."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    async def listen(self, url: str) -> asyncpg.Connection:
        """Begin to listen; the caller closes the connection."""
        connection = await asyncpg.connect(url)
        await connection.add_listener(_CHANNEL, lambda *arguments: self._wake(str(arguments[-1])))
        return connection

    def _wake(self, record_id: str) -> None:
        if (event := self._waiting.get(record_id)) is not None:
            event.set()

    async def follow(self, store: SQLStore, of: Record) -> AsyncIterator[bytes]:
        """The frames, each read when it is told of."""
        event, first = self._waiting.setdefault(of.id, asyncio.Event()), 0
        while True:
            frames = await store.logged(of.owner, of.id, first)
            if frames:
                yield b"".join(frames)
                first += len(frames)
                if frames[-1] == _END:
                    return
            await event.wait()
            event.clear()


@dataclass(frozen=True, slots=True)
class Followed:
    """One way, with so many responses at once; seconds."""

    delays: list[float]
    reader: float
    writer: float
    server: float

    def row(self, name: str, events: int) -> str:
        """A line of the table."""
        ordered = sorted(self.delays)
        delay = statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99)] * 1000
        cpu = (seconds / events * 1e6 for seconds in (self.reader, self.writer, self.server))
        return f"{name:<26}" + "".join(f"{figure:>10.0f}" for figure in (*delay, *cpu))


async def measure(url: str, responses: int, batches: int, *, is_notifying: bool) -> Followed:
    """Follow so many responses to their end."""
    store, delays = SQLStore(PostgresDatabase(url), Bounds()), list[float]()
    for number in range(responses):
        await store.delete(OWNER, f"resp_{number}")
        await store.begin_run(record(number), [], runner="writer", seconds=3600)

    async def take(frames: AsyncIterator[bytes]) -> None:
        async for batch in frames:
            now = time.time_ns()
            delays.extend((now - int(line[6:])) / 1e9 for line in batch.split(b"\n") if line.startswith(b"data: 1"))

    listener = Listener()
    connection = await listener.listen(url) if is_notifying else None
    way: Frames = listener.follow if is_notifying else lambda store, of: follow(store, of, 0)
    server, own = _server_seconds(), time.process_time()
    arguments = ["--url", url, "--write", str(responses), "--batches", str(batches)] + ["--notify"] * is_notifying
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(_written(*arguments))
        for number in range(responses):
            group.create_task(take(way(store, record(number))))
    followed = Followed(delays, time.process_time() - own, writing.result(), _server_seconds() - server)
    if connection is not None:
        await connection.close()
    await store.close()
    return followed


async def _written(*arguments: str) -> float:
    """The CPU seconds of the process that writes."""
    command = sys.executable, "-m", "benchmarks.following", *arguments
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("the process that writes has failed; what it said is above")
    return float(output)


def _server_seconds() -> float:
    """CPU of all processes of the server so far, with those that have ended."""
    seconds = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        if name == "postgres":
            seconds += sum(map(int, rest.split()[11:15])) / _TICK
    return seconds


@click.command()
@click.option("--url", required=True, help="Of an empty database on this machine.")
@click.option("--batches", default=BATCHES, show_default=True, help="Written for each response.")
@click.option("--write", "written", type=int, help="Be the process that writes the events of so many responses.")
@click.option("--notify", "is_notifying", is_flag=True, help="As the writer: tell who listens.")
def main(url: str, batches: int, written: int | None, *, is_notifying: bool) -> None:
    """Measure and print."""
    if written is not None:
        print(asyncio.run(write(url, written, batches, is_notifying=is_notifying)))
        return
    print(f"{'':<26}{'delay, ms':>20}{'CPU us a batch':>30}")
    print(f"{'':<26}{'median':>10}{'p99':>10}{'reader':>10}{'writer':>10}{'server':>10}")
    for responses in (1, 20, 100):
        for name, told in (("polling", False), ("LISTEN and NOTIFY", True)):
            followed = asyncio.run(measure(url, responses, batches, is_notifying=told))
            print(followed.row(f"{responses} at once, {name}", responses * batches))


if __name__ == "__main__":
    main()
