"""The file of SQLite before it is used: makes it where there is none, and looks whether it is whole."""

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.store.protocol import DamagedStoreError
from gateway.store.sqlite import connect, migrate

_log = logging.getLogger(__name__)

_OLDEST_VERSION = (3, 35, 0)
"""The first one with RETURNING."""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_UNUSABLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")

_LARGEST_LOOK = 67_108_864
"""Bytes of a file that is read whole at the start, which takes less than half a second; damage within a larger one is
found when it is used."""


def prepare(path: Path, *, set_aside: bool, seconds: float) -> None:
    """Makes the file ready; a database that is only busy or full is left for later.

    Args:
        path: of the file.
        set_aside: whether a damaged file gets another name, and a new one its place.
        seconds: how long to wait for another process that writes.

    Raises:
        OSError: when it cannot be made or used, as this process is allowed to.
        DamagedStoreError: when it is damaged, and stays.
        NewerSchemaError: when a newer gateway has used it.
    """
    if sqlite3.sqlite_version_info < _OLDEST_VERSION:
        needed = ".".join(map(str, _OLDEST_VERSION))
        raise OSError(f"SQLite {needed} is needed, and this Python has {sqlite3.sqlite_version}")
    with _alone_in(path.parent):
        try:
            _make_ready(path, seconds)
        except _DamagedFileError as error:
            if not set_aside:
                hint = 'move it away, or set state.on_corruption = "set_aside"'
                raise DamagedStoreError(f"state.path: {path} is damaged ({error}): {hint}") from error
            _set_aside(path, str(error))
            _make_ready(path, seconds)


class _DamagedFileError(Exception):
    """The file is no whole database."""


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two processes that start at once must not both give a file another name: the second would take the new one."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make_ready(path: Path, seconds: float) -> None:
    # Nobody else may read it; what SQLite puts beside it gets the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.closing(connect(path, seconds)) as connection:
            _look(connection, path)
            migrate(connection)
    except sqlite3.Error as error:
        name = str(error.sqlite_errorname)
        if name.startswith(_DAMAGED):
            raise _DamagedFileError(str(error)) from error
        if name.startswith(_UNUSABLE):
            raise OSError(f"{path}: {error}") from error
        _log.warning("the store cannot be used yet", extra={"fields": {"reason": f"SQLite: {error}"}})


def _look(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if path.stat().st_size > _LARGEST_LOOK:
        return
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise _DamagedFileError(finding.splitlines()[-1])


def _set_aside(path: Path, reason: str) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    other = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(other.with_name(other.name + suffix))
    _log.error("a damaged store was set aside", extra={"fields": {"file": other.name, "reason": reason}})
