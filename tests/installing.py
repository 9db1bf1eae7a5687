"""What tests need beside their own environment is installed once for each state of its lock file, whoever asks first.

Test processes that run at once wait for each other here.
"""

import fcntl
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_SECONDS = 300.0
"""For one step of an installation."""


def once(folder: Path, lock: Path, install: Callable[[], None]) -> None:
    """Install what the lock file names, unless the folder has it already; this costs nothing then."""
    digest = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    stamp = folder / ".installed"
    with exclusively(folder):
        if not stamp.exists() or stamp.read_text() != digest:
            install()
            stamp.write_text(digest)


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Keeps other processes from installing into the folder while the block runs."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with Path(tempfile.gettempdir(), f"installing-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
