import asyncio

import pytest

from gateway.exchange.opening import Opening


class Stream:
    """Counts its starts; may take long, or find that its client is gone."""

    def __init__(self, *, delay: float = 0.0, is_gone: bool = False) -> None:
        self.starts = 0
        self.delay = delay
        self.is_gone = is_gone

    async def start(self) -> None:
        await asyncio.sleep(self.delay)
        self.starts += 1
        if self.is_gone:
            raise ConnectionResetError


async def test_the_timer_opens_the_stream() -> None:
    stream = Stream()
    opening = Opening()
    opening.begin_in(0.01, stream.start)
    await asyncio.sleep(0.05)
    assert (opening.has_begun, stream.starts, opening.take()) == (True, 1, False)
    await opening.settled()
    opening.close()


async def test_who_takes_it_before_opens_it_alone() -> None:
    stream = Stream()
    opening = Opening()
    opening.begin_in(0.01, stream.start)
    assert opening.take()
    assert not opening.take()
    await asyncio.sleep(0.03)
    await opening.settled()
    assert stream.starts == 0


async def test_an_opening_under_way_is_waited_for() -> None:
    stream = Stream(delay=0.05)
    opening = Opening()
    opening.begin_in(0, stream.start)
    await asyncio.sleep(0.01)
    assert not opening.take()
    await opening.settled()
    assert stream.starts == 1


async def test_a_client_that_is_gone_is_noticed_by_who_waits() -> None:
    opening = Opening()
    opening.begin_in(0, Stream(is_gone=True).start)
    await asyncio.sleep(0.01)
    with pytest.raises(ConnectionResetError):
        await opening.settled()
    opening.close()


@pytest.mark.parametrize("wait", [0.0, 0.02])
async def test_after_the_close_nothing_is_opened(wait: float) -> None:
    stream = Stream(delay=0.05)
    opening = Opening()
    opening.begin_in(0.01, stream.start)
    await asyncio.sleep(wait)
    opening.close()
    await asyncio.sleep(0.1)
    assert stream.starts == 0
