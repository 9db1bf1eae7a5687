"""Programs that tests run and PyPI does not carry, as nginx: the installed one, or Debian's, unpacked and not installed.

Unpacking needs no root and changes nothing outside of `.debian`. `python -m tests.debian` fetches all ahead of the
tests, as `make test` does.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.installing import LIMIT_SECONDS, exclusively

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".debian"
_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")

_SYSTEMD = ("systemd", "libsystemd-shared", "libapparmor1", "libcryptsetup12", "libfdisk1", "libip4tc2", "libkmod2")

PACKAGES = {
    "faketime": ("faketime", "libfaketime"),
    "nginx": ("nginx", "nginx-common"),
    "systemd-analyze": _SYSTEMD,
    "systemd-socket-activate": _SYSTEMD,
    "systemd-sysusers": _SYSTEMD,
    "systemd-tmpfiles": _SYSTEMD,
    "redis-server": ("redis-server", "redis-tools", "libjemalloc2", "liblua5.1-0", "liblzf1", "lua-cjson", "lua-bitop"),
}
"""What each program is made of, beyond the libraries that every Debian has."""


def program(name: str) -> Path:
    """The path of a program of `PACKAGES`.

    Raises:
        CalledProcessError: when it is not installed and Debian's packages cannot be had.
    """
    if (installed := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")) is not None:
        return Path(installed)
    with exclusively(FOLDER):
        return _unpacked(name) or _fetched(name)


def library(name: str, file: str) -> Path:
    """The path of a library that belongs to a program of `PACKAGES`, to be loaded before others."""
    program(name)
    return next(path for root in (Path("/"), FOLDER) for path in sorted(root.glob(f"usr/lib/*/{name}/{file}")))


def environment() -> dict[str, str]:
    """The environment in which unpacked programs find their libraries."""
    libraries = [str(path) for path in sorted(FOLDER.glob("usr/lib/*-linux-gnu*"))]
    libraries += [f"{path}/systemd" for path in libraries]
    known = os.environ.get("LD_LIBRARY_PATH")
    return os.environ | {"LD_LIBRARY_PATH": ":".join([*libraries, *([known] if known else [])])}


def _unpacked(name: str) -> Path | None:
    return next((path for folder in _FOLDERS if (path := FOLDER / folder / name).exists()), None)


def _fetched(name: str) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        command = ["apt-get", "download", "--quiet", *PACKAGES[name]]
        if subprocess.run(command, cwd=folder, check=False, timeout=LIMIT_SECONDS).returncode != 0:
            # The lists of a new machine are empty, or name versions that are gone.
            update = ["apt-get", "update", "--quiet", "--option", "DPkg::Lock::Timeout=120"]
            subprocess.run(update, check=True, timeout=LIMIT_SECONDS)
            subprocess.run(command, cwd=folder, check=True, timeout=LIMIT_SECONDS)
        for package in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "--extract", package, FOLDER], check=True, timeout=LIMIT_SECONDS)
    found = _unpacked(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not in {', '.join(PACKAGES[name])}")
    return found


if __name__ == "__main__":
    for each in PACKAGES:
        program(each)
