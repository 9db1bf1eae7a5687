"""Files that several processes read and replace: always whole, and by one of them at a time."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, *, waits: bool = True) -> Iterator[None]:
    """Hold the folder of the file: the file itself is replaced by each write, so a lock on it would not hold.

    Raises:
        BlockingIOError: when somebody else holds it and `waits` is off.
    """
    folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        yield
    finally:
        os.close(folder)


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file in one step, so that a reader sees the old or the new one, and never half of it."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_access(target, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _keep_access(target: Path, descriptor: int) -> None:
    """0600, and where the file exists: its owner and what its group may read, or the service could not read it."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):  # only root may give a file away; others own it already
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, 0o600 | (old.st_mode & 0o040))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
