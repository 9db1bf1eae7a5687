"""Readings of the machine: CPU time and memory of a process with its children, load of cores, speed of a core.

Linux only. Nothing here starts a process or sends a request.
"""

import os
import time
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")
_CALIBRATION_STEPS = 1500
_CALIBRATION_ROUNDS = 7


def core_busy(cores: set[int]) -> float:
    """Seconds that these cores were busy since boot, with all programs."""
    busy = 0.0
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            user, nice, system, _idle, _wait, interrupt, soft = (int(value) for value in fields[:7])
            busy += user + nice + system + interrupt + soft
    return busy / _TICKS


def calibrate(core: int) -> float:
    """Microseconds of CPU time of a fixed piece of work on a core: how fast it is just now.

    Shared hosts change it by a factor of two: compare the times of two runs in proportion to it.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return min(_calibration_round() for _ in range(_CALIBRATION_ROUNDS)) / 1e3
    finally:
        os.sched_setaffinity(0, allowed)


def _calibration_round() -> int:
    """Nanoseconds for interpreter work and system calls, as a gateway does both."""
    reading, writing = os.pipe()
    data = bytes(256)
    started = time.thread_time_ns()
    for number in range(_CALIBRATION_STEPS):
        os.write(writing, data)
        entry: dict[str, object] = {"number": number, "data": os.read(reading, 256)}
        entry["total"] = len(data) + number
    spent = time.thread_time_ns() - started
    os.close(reading)
    os.close(writing)
    return spent


class ProcessTree:
    """A process and its children."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_seconds(self) -> float:
        """User and system time, with that of threads that have ended."""
        return sum(_cpu_seconds(process) for process in self._processes())

    def resident_bytes(self) -> int:
        """Memory that is in RAM."""
        return sum(map(_resident_bytes, self._processes()))

    def forget_peak(self) -> None:
        """Lets `peak_bytes` begin anew."""
        for process in self._processes():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_bytes(self) -> int:
        """The most memory that was in RAM, as the kernel has noted it: a look now and then misses short peaks."""
        return sum(map(_peak_bytes, self._processes()))

    def children(self) -> list[psutil.Process]:
        """Every process below the first one."""
        try:
            return list(self._root.children(recursive=True))
        except psutil.Error:
            return []

    def _processes(self) -> list[psutil.Process]:
        return [self._root, *self.children()]


def _cpu_seconds(process: psutil.Process) -> float:
    """From the process's own CPU clock, in nanoseconds; the ticks of /proc are a hundred a second."""
    try:
        return time.clock_gettime((~process.pid << 3) | 2)
    except OSError:
        return 0.0


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def _peak_bytes(process: psutil.Process) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    kibibytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), "0")
    return int(kibibytes) * 1024
