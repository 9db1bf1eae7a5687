"""Runs an agent as a person would: a process with a home of its own, which can reach nothing but this machine.

A proxy that nobody listens on stands between it and the rest of the world, so that an agent which phones home fails
at once instead of making the tests depend on it. What the agent wrote is kept for the failing test to show.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import node
from tests.fakes.ports import free_port

LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How an agent ended, and what it wrote."""

    status: int
    output: str
    errors: str

    def expect_success(self) -> "Finished":
        """Fail with everything that the agent wrote, unless it is content."""
        assert self.status == 0, f"{self.output}\n{self.errors}"
        return self


def environment(home: Path, further: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of an agent: nothing of the person who runs the tests is in it."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), nowhere)
    proxies |= {name.lower(): value for name, value in proxies.items()}
    loopback = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    folders = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PATH": node.search_path()}
    return proxies | loopback | folders | {"LANG": "C.UTF-8", "TERM": "dumb"} | dict(further)


async def run(
    *command: str | Path,
    home: Path,
    folder: Path,
    variables: Mapping[str, str],
    standard_input: bytes = b"",
    limit: float = LIMIT,
) -> Finished:
    """Run the agent to its end, or end it and everything that it started when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        env=environment(home, variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    communication = asyncio.ensure_future(process.communicate(standard_input))
    done, _ = await asyncio.wait([communication], timeout=limit)
    if not done:
        os.killpg(process.pid, signal.SIGKILL)
    output, errors = (written.decode("utf-8", "replace") for written in await communication)
    assert done, f"it did not end in {limit} s:\n{output}\n{errors}"
    assert process.returncode is not None
    return Finished(process.returncode, output, errors)
