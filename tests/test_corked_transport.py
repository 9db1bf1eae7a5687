"""What goes into a corked transport comes out of the one inside, whole, in order, and once in a step of the loop."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.corked_transport import Cork, CorkedTransport

LARGE = b"x" * 20_000


class Wire(asyncio.Transport):
    """A transport that keeps what it is told."""

    def __init__(self, log: list[object] | None = None, *, fails: bool = False) -> None:
        super().__init__({"socket": "a socket"})
        self.log: list[object] = [] if log is None else log
        self.sent: list[bytes] = []
        self.limits: tuple[int | None, int | None] = (None, None)
        self.protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._fails = fails
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._fails:
            raise ZeroDivisionError
        assert not self._is_closing
        self.sent.append(bytes(data))
        self.log.append((self, bytes(data)))

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self.log.append("close")

    def abort(self) -> None:
        self._is_closing = True
        self.log.append("abort")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.log.append("eof")

    def get_write_buffer_size(self) -> int:
        return 7

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return 1, 2

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = high, low

    def is_reading(self) -> bool:
        return "pause" not in self.log

    def pause_reading(self) -> None:
        self.log.append("pause")

    def resume_reading(self) -> None:
        self.log.append("resume")

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


def corked(wire: Wire, cork: Cork | None = None) -> CorkedTransport:
    return CorkedTransport(wire, cork or Cork(asyncio.get_running_loop()))


async def step() -> None:
    """Until what was ready has had its turn, and the cork after it."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_is_written_in_one_step_goes_out_at_its_end_in_one_piece() -> None:
    transport = corked(wire := Wire())
    transport.write(b"ab")
    transport.write(bytearray(b"c"))
    transport.writelines([b"d", memoryview(b"e")])
    assert wire.sent == []
    await step()
    assert wire.sent == [b"abcde"]
    transport.write(memoryview(b"f"))
    await step()
    assert wire.sent == [b"abcde", b"f"]


async def test_all_of_a_loop_go_out_in_the_order_of_their_first_words() -> None:
    cork, log = Cork(asyncio.get_running_loop()), list[object]()
    wires = [Wire(log) for _ in range(3)]
    first, second, third = (corked(wire, cork) for wire in wires)
    second.write(b"2")
    first.write(b"1")
    third.write(b"3")
    second.write(b"2")
    await step()
    assert log == [(wires[1], b"22"), (wires[0], b"1"), (wires[2], b"3")]


async def test_much_is_not_held_back() -> None:
    transport = corked(wire := Wire())
    transport.write(b"a")
    transport.write(LARGE)
    assert wire.sent == [b"a" + LARGE]
    transport.write(b"b")
    assert transport.get_write_buffer_size() == 8
    await step()
    assert wire.sent == [b"a" + LARGE, b"b"]
    assert transport.get_write_buffer_size() == 7


@pytest.mark.parametrize(
    ("act", "expected"),
    [("close", [b"a", "close"]), ("write_eof", [b"a", "eof"]), ("abort", ["abort"])],
)
async def test_an_end_comes_after_what_was_written_and_an_abort_instead_of_it(act: str, expected: list[object]) -> None:
    transport = corked(wire := Wire())
    transport.write(b"a")
    getattr(transport, act)()
    await step()
    assert [each[1] if isinstance(each, tuple) else each for each in wire.log] == expected


async def test_nothing_is_sent_to_a_peer_that_has_gone_meanwhile() -> None:
    transport = corked(wire := Wire())
    transport.write(b"a")
    wire.close()
    await step()
    transport.write(b"b")
    await step()
    assert transport.is_closing()
    assert wire.sent == []


async def test_a_failing_one_is_reported_and_costs_the_others_nothing() -> None:
    loop = asyncio.get_running_loop()
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, report: reports.append(report))
    cork = Cork(loop)
    before, after = Wire(), Wire()
    for wire in (before, Wire(fails=True), after):
        corked(wire, cork).write(b"a")
    await step()
    await step()
    assert before.sent == after.sent == [b"a"]
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]
    corked(before, cork).write(b"b")
    await step()
    assert before.sent == [b"a", b"b"]


async def test_all_else_is_the_inner_transports() -> None:
    transport = corked(wire := Wire())
    transport.pause_reading()
    assert not transport.is_reading()
    transport.resume_reading()
    assert wire.log == ["pause", "resume"]
    protocol = asyncio.Protocol()
    transport.set_protocol(protocol)
    assert transport.get_protocol() is wire.protocol is protocol
    transport.set_write_buffer_limits(high=3, low=1)
    assert wire.limits == (3, 1)
    assert transport.get_write_buffer_limits() == (1, 2)
    assert transport.get_extra_info("socket") == "a socket"
    assert transport.get_extra_info("other", 1) == 1
    assert transport.can_write_eof()


@given(st.lists(st.one_of(st.binary(max_size=20), st.just(LARGE), st.none())))
def test_any_writes_in_any_steps_are_the_same_bytes(acts: list[bytes | None]) -> None:
    async def run() -> None:
        transport = corked(wire := Wire())
        for act in acts:
            if act is None:
                await step()
                assert transport.get_write_buffer_size() == 7
            else:
                transport.write(act)
        transport.close()
        assert b"".join(wire.sent) == b"".join(act for act in acts if act)
        assert b"" not in wire.sent

    asyncio.run(run())
