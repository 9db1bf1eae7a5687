"""`/debug/tasks`: what the process is doing, as places in the code. No value of any variable is shown."""

import asyncio
from collections.abc import Iterator

from aiohttp.web import Request, StreamResponse

from gateway.codec.json import JSONObject
from gateway.web.answers import json_answer

_MOST_TASKS = 1000
_MOST_FRAMES = 20


async def list_tasks(_request: Request) -> StreamResponse:
    """All tasks of the event loop, with their names and where each of them waits."""
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    return json_answer({"count": len(tasks), "tasks": [_described(task) for task in tasks[:_MOST_TASKS]]})


def _described(task: "asyncio.Task[object]") -> JSONObject:
    return {"name": task.get_name(), "stack": list(_places(task.get_coro()))}


def _places(waiting: object) -> Iterator[str]:
    """From the task's own function down to what it waits for."""
    for _ in range(_MOST_FRAMES):
        if (frame := getattr(waiting, "cr_frame", None)) is None:
            return
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        waiting = getattr(waiting, "cr_await", None)
