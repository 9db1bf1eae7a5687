"""Follows a response in the background through the store: one that another process makes, or that is over."""

import asyncio
import time
from collections.abc import AsyncIterator

from msgspec.structs import replace

from gateway.codec.json import JSONObject, dumps, loads
from gateway.codec.sse import frame
from gateway.store.protocol import Store
from gateway.store.records import Record
from gateway.translate.response_object import PENDING, with_output

_POLL_SECONDS = 0.1
"""Twice as often as events are written: what is between costs a read that finds nothing. Being told by PostgreSQL
instead takes 50 milliseconds off the delay, and a connection that nothing else can use (benchmarks/README.md)."""

_LOOK_SECONDS = 1.0
"""How often a response that is silent is looked at: its end may come without events, or it may be deleted."""

_LATE_SECONDS = 1.0
"""How long the last events may come after the end that they tell of."""

_ENDS = (b"event: response.completed\n", b"event: response.incomplete\n", b"event: response.failed\n")


async def body_of(store: Store, record: Record) -> bytes:
    """The JSON of a response.

    Raises:
        StoreError: when it cannot be read.
    """
    items = await store.items(record.owner, record.id)
    return with_output(record.head, [item.body for item in items if item.is_output])


async def follow(store: Store, record: Record, first: int) -> AsyncIterator[bytes]:
    """Frames of the response from this sequence number on, as they are written, until its terminal event.

    Raises:
        StoreError: when they cannot be read.
    """
    is_over, look_at = False, 0.0
    while True:
        frames = await store.logged(record.owner, record.id, first)
        if frames:
            yield b"".join(frames)
            first += len(frames)
            if frames[-1].startswith(_ENDS):
                return
        elif is_over:
            if await _lacks_its_end(store, record):
                yield terminal_frame(await body_of(store, record), first)
            return
        elif time.monotonic() >= look_at:
            look_at = time.monotonic() + _LOOK_SECONDS
            current = await store.get(record.owner, record.id)
            record = current or (_cancelled(record) if record.status in PENDING else record)
            is_over = record.status not in PENDING
        if not frames or record.status in PENDING:
            await asyncio.sleep(_LATE_SECONDS if is_over else _POLL_SECONDS)


async def _lacks_its_end(store: Store, record: Record) -> bool:
    """Whether the events break off: their process died, or the store failed, before the last one was written."""
    last, count = b"", 0
    while frames := await store.logged(record.owner, record.id, count):
        last, count = frames[-1], count + len(frames)
    return not last.startswith(_ENDS)


def ended(record: Record, status: str, **members: object) -> Record:
    """The record with another status, and what else is to be changed in its JSON."""
    head: JSONObject = loads(record.head)
    return replace(record, head=dumps({**head, "status": status, **members}), status=status)


def _cancelled(record: Record) -> Record:
    """What becomes of a response that is deleted while it is made."""
    return ended(record, "cancelled")


def terminal_frame(response: bytes, sequence_number: int) -> bytes:
    """The terminal event of a response that is over; one that was cancelled has that of an incomplete one."""
    status = loads(response)["status"]
    event = f"response.{'incomplete' if status == 'cancelled' else status}"
    data = b'{"type":"%b","response":%b,"sequence_number":%d}' % (event.encode(), response, sequence_number)
    return frame(event, data)
