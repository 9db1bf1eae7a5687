"""A process that writes responses until it is killed, and prints each that the store has acknowledged."""

import asyncio
import sys
from pathlib import Path

from gateway.store.records import Bounds, Item, Record
from gateway.store.sql import SQLStore
from gateway.store.sqlite import SqliteDatabase
from gateway.store.sqlite_file import prepare


async def write(path: Path, prefix: str) -> None:
    prepare(path, set_aside=False, seconds=5)
    store = SQLStore(SqliteDatabase(path, seconds=5), Bounds())
    number = 0
    while True:
        names = [f"resp_{prefix}_{number + offset}" for offset in range(4)]
        await asyncio.gather(*(store.put(Record("ada", name, b"{}", 1), items_of(name)) for name in names))
        sys.stdout.write("\n".join(names) + "\n")
        sys.stdout.flush()
        number += len(names)


def items_of(name: str) -> list[Item]:
    return [Item(f"{name}_{number}", b"x" * 500) for number in range(5)]


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2]))
