import asyncio

import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline
from gateway.settings import ProviderSettings
from gateway.telemetry.pace import Pace


def deadline(*, first: float = 10, idle: float = 10, total: float = 10) -> Deadline:
    return Deadline(
        ProviderSettings(
            name="up",
            base_url="http://up",
            first_byte_timeout_seconds=first,
            idle_timeout_seconds=idle,
            total_timeout_seconds=total,
        )
    )


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    with deadline() as limits:
        limits.bytes_came()
    await asyncio.sleep(0)


async def test_no_first_byte_in_time() -> None:
    limits = deadline(first=0.02)
    with pytest.raises(TimeoutError), limits:
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_first_byte_timeout"


async def test_before_the_upstream_is_asked_its_silence_does_not_count() -> None:
    limits = deadline(first=0.02)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.hold()
        await asyncio.sleep(0.1)
        limits.ask()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_first_byte_timeout"


async def test_silence_after_the_first_byte() -> None:
    limits = deadline(idle=0.02)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.bytes_came()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_idle_timeout"


async def test_the_idle_limit_replaces_that_of_the_first_byte_however_far_that_is() -> None:
    limits = deadline(first=300, idle=0.02)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.bytes_came()
        await asyncio.Event().wait()
    assert loop.time() - started < 5


async def test_an_upstream_may_think_for_longer_than_it_may_be_silent() -> None:
    limits = deadline(first=300, idle=0.02)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        await asyncio.sleep(0.1)
        limits.bytes_came()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_idle_timeout"


async def test_after_the_end_of_the_answer_silence_is_fine() -> None:
    with deadline(first=0.02, idle=0.02) as limits:
        limits.bytes_came()
        limits.finish()
        await asyncio.sleep(0.1)


async def test_bytes_begin_the_idle_time_anew() -> None:
    with deadline(first=0.5, idle=0.5) as limits:
        for _ in range(7):
            limits.bytes_came()
            await asyncio.sleep(0.1)


async def test_while_the_client_is_waited_for_silence_does_not_count() -> None:
    with deadline(first=0.03, idle=0.03) as limits:
        limits.bytes_came()
        limits.suspend()
        await asyncio.sleep(0.15)
        limits.bytes_came()


async def test_what_goes_to_the_client_is_noted_and_begins_the_idle_time_anew() -> None:
    limits = deadline(idle=0.2)
    with limits:
        limits.words_came()
        limits.pace = pace = Pace()
        for _ in range(4):
            limits.words_came()
            limits.suspend()
            await asyncio.sleep(0.1)
        limits.words_came()
    assert (sum(pace.gaps), pace.total > 0.35) == (4, True)


async def test_silence_counts_after_words_that_did_not_wait() -> None:
    limits = deadline(idle=0.03)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.suspend()
        limits.words_came()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_idle_timeout"


async def test_silence_counts_again_afterwards() -> None:
    limits = deadline(idle=0.03)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.bytes_came()
        limits.suspend()
        await asyncio.sleep(0.05)
        limits.bytes_came()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_idle_timeout"


async def test_the_total_limit_counts_always() -> None:
    limits = deadline(total=0.05)
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.bytes_came()
        limits.suspend()
        await asyncio.Event().wait()
    assert limits.error.code == "upstream_total_timeout"


async def test_an_expiry_has_its_own_reason_and_the_first_one_stays() -> None:
    limits = deadline()
    reason = GatewayError(ErrorKind.SHUTTING_DOWN, "over")
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.expire(reason)
        await asyncio.Event().wait()
    limits.expire(GatewayError(ErrorKind.INTERNAL, "later"))
    assert limits.error is reason


async def test_who_is_cancelled_by_somebody_else_as_well_stays_cancelled() -> None:
    limits = deadline()

    async def work() -> None:
        with limits:
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    limits.expire(GatewayError(ErrorKind.SHUTTING_DOWN, "over"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_limit_inside_another_one_ends_its_own_block_alone() -> None:
    outer, inner = deadline(), deadline(first=0.02)
    with outer:
        with pytest.raises(TimeoutError), inner:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def test_who_ends_its_own_task_is_ended_at_its_next_wait() -> None:
    limits = deadline()
    with pytest.raises(TimeoutError), limits:  # noqa: PT012 - the limit is the block's
        limits.expire(GatewayError(ErrorKind.SHUTTING_DOWN, "over"))
        await asyncio.sleep(1)


async def test_an_end_that_comes_with_that_of_the_block_changes_nothing() -> None:
    limits = deadline()
    with limits:
        limits.expire(GatewayError(ErrorKind.SHUTTING_DOWN, "over"))
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
