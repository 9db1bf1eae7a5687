"""Renders Responses events as whole SSE frames and owns `sequence_number`."""

from collections.abc import Sequence
from functools import lru_cache

from gateway.codec.json import JSONValue, dumps_to_join
from gateway.codec.sse import DONE

_EVENT = b'%b%b"sequence_number":%d}\n\n'
DELTA = b'%b%b%b,"sequence_number":%d}\n\n'
"""A frame: its head, the text as JSON, its tail, its number."""


@lru_cache(maxsize=128)
def _head(event: str) -> bytes:
    """How the frame of an event of this type begins."""
    return b'event: %b\ndata: {"type":"%b",' % (event.encode(), event.encode())


class DeltaFrames:
    """The frames of one part's deltas: all that does not change is rendered once.

    A token costs one small `dumps` and one concatenation instead of an object tree (about 1 us against 4).
    """

    __slots__ = ("head", "tail")

    def __init__(self, event: str, place: bytes, *, tail: bytes = b"") -> None:
        self.head = b'%b%b,"delta":' % (_head(event), place)
        self.tail = tail


_UNREAD = DeltaFrames("", b"")


class EventWriter:
    """Collects the frames of one stream in order, numbered from 0 without a gap."""

    __slots__ = ("_frames", "is_mute", "number")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.number = 0
        """That of the next frame."""
        self.is_mute = False
        """Whether nobody reads the stream: then nothing is written."""

    def write(self, event: str, **members: JSONValue) -> None:
        """An event whose members are values."""
        if not self.is_mute:
            self._add(event, dumps_to_join(members)[1:-1] + b"," if members else b"")

    def write_rendered(self, event: str, place: bytes, members: bytes) -> None:
        """An event whose members are JSON already, without the braces: where it belongs, and the others."""
        if not self.is_mute:
            self._add(event, b"%b,%b," % (place, members))

    def write_item(self, event: str, output_index: int, item: bytes) -> None:
        """An event about an item that is JSON already."""
        if not self.is_mute:
            self._add(event, b'"output_index":%d,"item":%b,' % (output_index, item))

    def write_response(self, event: str, response: bytes) -> None:
        """A lifecycle event around a Response that is JSON already."""
        if not self.is_mute:
            self._add(event, b'"response":%b,' % response)

    def _add(self, event: str, members: bytes) -> None:
        self._frames.append(_EVENT % (_head(event), members, self.number))
        self.number += 1

    def deltas(self, event: str, place: bytes, *, tail: bytes = b"") -> DeltaFrames:
        """What does not change in the deltas of a part that opens."""
        return _UNREAD if self.is_mute else DeltaFrames(event, place, tail=tail)

    def write_delta(self, frames: DeltaFrames, delta: str, extra: bytes | None = None) -> None:
        """The next delta of an open part."""
        self.write_deltas(frames, (delta,), extra)

    def write_deltas(self, frames: DeltaFrames, deltas: Sequence[str], extra: bytes | None = None) -> None:
        """The next deltas of an open part; `extra` replaces the usual members behind each."""
        if self.is_mute:
            return
        head, tail, number = frames.head, frames.tail if extra is None else extra, self.number
        self._frames += [DELTA % (head, dumps_to_join(delta), tail, at) for at, delta in enumerate(deltas, number)]
        self.number = number + len(deltas)

    def write_done(self) -> None:
        """The sentinel behind the terminal event."""
        if not self.is_mute:
            self._frames.append(b"data: %b\n\n" % DONE)

    def take(self) -> bytes:
        """All frames since the last call."""
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames
