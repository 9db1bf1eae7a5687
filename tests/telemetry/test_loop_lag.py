import asyncio
import time

from gateway.telemetry.loop_lag import watch_loop


async def test_a_loop_that_is_blocked_is_late() -> None:
    lags: list[float] = []
    task = asyncio.create_task(watch_loop(lags.append))
    await asyncio.sleep(0)
    time.sleep(0.6)  # noqa: ASYNC251 - this blocks the loop
    await asyncio.sleep(0.01)
    task.cancel()
    assert 0.2 < lags[0] < 5
