"""What a database is asked, as statements. Pure: the time is an argument.

A record lives while its last use is not before `oldest`. No statement but those of leases and purges works without an
owner. Transactions change a response before its conversation, and a record before what belongs to it: as all take
their locks in that order, no two wait for each other.
"""

from collections.abc import Sequence

from gateway.store.database import Statement, UnstorableError, Value, Values
from gateway.store.records import (
    EVENT_OVERHEAD_BYTES,
    ITEM_OVERHEAD_BYTES,
    Item,
    Record,
    is_conversation,
    size_of,
    size_of_frames,
    size_of_items,
)

_LONGEST_ITEM_ID = 1024
"""Bytes; an index of PostgreSQL takes not much more."""

_LIVING = "owner = :owner AND id = :id AND used_at >= :oldest"

_INSERT_RECORD = """
    INSERT INTO records
        (owner, id, head, created_at, previous, status, is_background, is_conversation, used_at, size)
    VALUES
        (:owner, :id, :head, :created_at, :previous, :status, :is_background, :is_conversation, :now, :size)"""

_UPDATE_RECORD = f"""
    UPDATE records SET head = :head, status = :status, used_at = :now, size = size - LENGTH(head) + :growth
    WHERE {_LIVING} RETURNING 1"""

_GROW = f"UPDATE records SET used_at = :now, size = size + :growth WHERE {_LIVING} RETURNING 1"

_ADD_ITEM = f"""
    INSERT INTO items (owner, record_id, item_id, body, is_output)
    SELECT owner, id, :item_id, :body, :is_output FROM records WHERE {_LIVING}"""

_FIRST_ITEM = "SELECT MIN(number) FROM items WHERE owner = :owner AND record_id = :id AND item_id = :item_id"

_SHRINK = f"""
    UPDATE records SET size = size - (
        SELECT LENGTH(body) + {ITEM_OVERHEAD_BYTES} FROM items WHERE number = ({_FIRST_ITEM}))
    WHERE {_LIVING} AND EXISTS (
        SELECT 1 FROM items WHERE owner = :owner AND record_id = :id AND item_id = :item_id) RETURNING 1"""

_GROW_LOG = f"""
    UPDATE records SET used_at = :now, size = size + :growth - (
        SELECT COALESCE(SUM(LENGTH(frame) + {EVENT_OVERHEAD_BYTES}), 0) FROM events
        WHERE owner = :owner AND record_id = :id AND number >= :first)
    WHERE {_LIVING} RETURNING 1"""

_CHAIN = """
    WITH RECURSIVE turns (depth, id, previous, status, used_at) AS (
        SELECT 1, id, previous, status, used_at FROM records
        WHERE owner = :owner AND id = :id AND used_at >= :oldest
        UNION ALL
        SELECT turns.depth + 1, records.id, records.previous, records.status, records.used_at
        FROM turns JOIN records ON records.owner = :owner AND records.id = turns.previous
        WHERE records.used_at >= :oldest AND turns.depth < :most)
    SELECT turns.id, turns.previous, turns.status, turns.used_at, items.item_id, items.body, items.is_output
    FROM turns LEFT JOIN items ON items.owner = :owner AND items.record_id = turns.id
    ORDER BY turns.depth DESC, items.number"""

_ITEMS = """
    SELECT records.used_at, items.item_id, items.body, items.is_output
    FROM records LEFT JOIN items ON items.owner = records.owner AND items.record_id = records.id
    WHERE records.owner = :owner AND records.id = :id AND records.used_at >= :oldest
    ORDER BY items.number"""

_FIND = """
    SELECT items.item_id, items.body
    FROM items JOIN records ON records.owner = items.owner AND records.id = items.record_id
    WHERE items.owner = :owner AND items.item_id = :item_id AND records.used_at >= :oldest
    ORDER BY items.number DESC LIMIT 1"""

_LOOK_AHEAD = 5000
"""Events that are measured for one read of a log: a megabyte of usual ones."""

_EVENTS = "owner = :owner AND record_id = :id AND number >= :first"

_LOGGED = f"""
    SELECT frame FROM events WHERE {_EVENTS} AND number <= (
        SELECT MAX(number) FROM (
            SELECT number, size, SUM(size) OVER (ORDER BY number) AS total FROM (
                SELECT number, LENGTH(frame) AS size FROM events WHERE {_EVENTS}
                ORDER BY number LIMIT {_LOOK_AHEAD}) AS near) AS measured
        WHERE total <= :most_bytes OR total = size)
    AND EXISTS (SELECT 1 FROM records WHERE {_LIVING})
    ORDER BY number"""


def _once(sql: str, *, is_needed: bool = False, **values: Value) -> Statement:
    return Statement(sql, (values,), is_needed)


def insert_record(record: Record, items: Sequence[Item], now: float) -> Statement:
    """Makes a record; its items come apart."""
    return _once(
        _INSERT_RECORD,
        owner=record.owner,
        id=record.id,
        head=record.head,
        created_at=record.created_at,
        previous=record.previous,
        status=record.status,
        is_background=int(record.is_background),
        is_conversation=int(is_conversation(record.id)),
        now=now,
        size=size_of(record, items),
    )


def update_record(record: Record, items: Sequence[Item], *, now: float, oldest: float) -> Statement:
    """Replaces head and status, with room for further items; needed."""
    return _once(
        _UPDATE_RECORD,
        is_needed=True,
        owner=record.owner,
        id=record.id,
        head=record.head,
        status=record.status,
        growth=len(record.head) + size_of_items(items),
        now=now,
        oldest=oldest,
    )


def grow(
    owner: str, record_id: str, items: Sequence[Item], *, now: float, oldest: float, is_needed: bool = True
) -> Statement:
    """Makes room for further items of a record, which counts as used."""
    growth = size_of_items(items)
    return _once(_GROW, is_needed=is_needed, owner=owner, id=record_id, growth=growth, now=now, oldest=oldest)


def add_items(owner: str, record_id: str, items: Sequence[Item], oldest: float) -> Statement:
    """Adds items behind those of a record, if it lives.

    Raises:
        UnstorableError: when an id is too long.
    """
    name: Values = {"owner": owner, "id": record_id, "oldest": oldest}
    return Statement(
        _ADD_ITEM,
        tuple(
            {**name, "item_id": _stored_id(item.id), "body": item.body, "is_output": int(item.is_output)}
            for item in items
        ),
    )


def _stored_id(item_id: str) -> bytes:
    stored = _bytes_of(item_id)
    if len(stored) > _LONGEST_ITEM_ID:
        raise UnstorableError(f"the id of an item is longer than {_LONGEST_ITEM_ID} bytes")
    return stored


def _bytes_of(item_id: str) -> bytes:
    return item_id.encode("utf-8", "surrogatepass")


def select_record(owner: str, record_id: str, oldest: float) -> Statement:
    """Owner, id, head, time, previous, status, background."""
    sql = f"SELECT owner, id, head, created_at, previous, status, is_background FROM records WHERE {_LIVING}"
    return _once(sql, owner=owner, id=record_id, oldest=oldest)


def delete_record(owner: str, record_id: str, oldest: float) -> Statement:
    """Removes a record, with all that belongs to it."""
    return _once(f"DELETE FROM records WHERE {_LIVING} RETURNING 1", owner=owner, id=record_id, oldest=oldest)


def select_items(owner: str, record_id: str, oldest: float) -> Statement:
    """Last use, and of each item id, body, output; one row without an item if there is none."""
    return _once(_ITEMS, owner=owner, id=record_id, oldest=oldest)


def select_chain(owner: str, record_id: str, most: int, oldest: float) -> Statement:
    """Id, previous, status, last use, and of each item id, body, output; oldest turn first."""
    return _once(_CHAIN, owner=owner, id=record_id, most=most, oldest=oldest)


def find_items(owner: str, item_ids: Sequence[str], oldest: float) -> Statement:
    """Id and body of the newest item of each id."""
    return Statement(
        _FIND, tuple({"owner": owner, "item_id": _bytes_of(item_id), "oldest": oldest} for item_id in item_ids)
    )


def use(owner: str, record_ids: Sequence[str], now: float) -> Statement:
    """Records count as used."""
    sql = "UPDATE records SET used_at = :now WHERE owner = :owner AND id = :id AND used_at < :now"
    return Statement(sql, tuple({"owner": owner, "id": record_id, "now": now} for record_id in sorted(record_ids)))


def remove_item(owner: str, record_id: str, item_id: str, oldest: float) -> tuple[Statement, Statement]:
    """Removes the first item of this id."""
    stored, delete = _bytes_of(item_id), f"DELETE FROM items WHERE number = ({_FIRST_ITEM}) RETURNING 1"
    return (
        _once(_SHRINK, is_needed=True, owner=owner, id=record_id, item_id=stored, oldest=oldest),
        _once(delete, is_needed=True, owner=owner, id=record_id, item_id=stored),
    )


def insert_run(record: Record, runner: str, until: float) -> Statement:
    """Says who makes a record."""
    sql = """
        INSERT INTO runs (owner, record_id, runner, lease_until, shall_stop)
        VALUES (:owner, :id, :runner, :until, 0)"""
    return _once(sql, owner=record.owner, id=record.id, runner=runner, until=until)


def delete_run(owner: str, record_id: str) -> Statement:
    """Says that nobody makes it any more; needed."""
    sql = "DELETE FROM runs WHERE owner = :owner AND record_id = :id RETURNING 1"
    return _once(sql, is_needed=True, owner=owner, id=record_id)


def stop_run(owner: str, record_id: str) -> Statement:
    """Asks its runner to stop."""
    sql = "UPDATE runs SET shall_stop = 1 WHERE owner = :owner AND record_id = :id RETURNING 1"
    return _once(sql, owner=owner, id=record_id)


def renew_runs(runner: str, until: float) -> Statement:
    """Owner, id, and whether it shall stop, of all runs of a runner."""
    sql = "UPDATE runs SET lease_until = :until WHERE runner = :runner RETURNING owner, record_id, shall_stop"
    return _once(sql, runner=runner, until=until)


def select_abandoned(now: float, most: int) -> Statement:
    """Owner and id of runs whose lease has expired."""
    sql = "SELECT owner, record_id FROM runs WHERE lease_until < :now ORDER BY lease_until LIMIT :most"
    return _once(sql, now=now, most=most)


def log_events(
    owner: str, record_id: str, first: int, frames: Sequence[bytes], *, now: float, oldest: float
) -> tuple[Statement, Statement, Statement]:
    """Puts events from a number on into the place of what was there; needed."""
    growth = size_of_frames(frames)
    insert = "INSERT INTO events (owner, record_id, number, frame) VALUES (:owner, :id, :number, :frame)"
    name: Values = {"owner": owner, "id": record_id}
    numbered = tuple({**name, "number": number, "frame": frame} for number, frame in enumerate(frames, first))
    return (
        _once(_GROW_LOG, is_needed=True, owner=owner, id=record_id, first=first, growth=growth, now=now, oldest=oldest),
        _once(f"DELETE FROM events WHERE {_EVENTS}", owner=owner, id=record_id, first=first),
        Statement(insert, numbered),
    )


def select_events(owner: str, record_id: str, first: int, most_bytes: int, oldest: float) -> Statement:
    """Frames from a number on, one at least."""
    return _once(_LOGGED, owner=owner, id=record_id, first=first, most_bytes=most_bytes, oldest=oldest)
