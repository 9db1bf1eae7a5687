"""Counts of what the interpreter does: the same numbers on every machine, however busy it is.

One version of Python gives one number; another compiles to other instructions.
"""

import gc
import sys
from collections.abc import Callable
from types import FrameType

Work = Callable[[], object]


def instructions(work: Work) -> int:
    """Instructions of bytecode that the work takes, in all functions that it calls."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def calls(work: Work) -> int:
    """Calls of functions that the work makes, of those in C too."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def blocks_kept(work: Work) -> int:
    """Blocks of memory that the result of the work holds."""
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        result = work()
        gc.collect()
        kept = sys.getallocatedblocks() - before
        del result
    finally:
        if was_enabled:
            gc.enable()
    return kept
