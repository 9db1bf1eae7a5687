"""How the body of an HTTP/1.1 answer is framed, and what is in the frame (RFC 9112, section 6).

Each framing takes the bytes of a connection in any pieces, gives those of the body at once and knows when it is over.
None raises: what came before a break is given first, and `is_broken` tells of the break.
"""

import re
from typing import Protocol

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_END = b"0\r\n\r\n"
"""The last chunk, with nothing behind it."""
_LONGEST_SIZE = 1024
"""Bytes of the line before a chunk, with its extensions, which nobody sends."""
_LONGEST_TRAILER = 8192
_MOST_TRAILERS = 65_536


class Body(Protocol):
    """One body while it comes."""

    is_over: bool
    is_broken: bool
    """Whether what came cannot be a body, or more came than the body has: nothing on the connection can be trusted."""

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body among the next bytes of the connection."""

    def end(self) -> None:
        """The connection has ended: `is_broken` says whether that was too early."""


class ChunkedBody:
    """A body in chunks, each with its size before it; extensions and trailers are left out."""

    __slots__ = ("_held", "_is_at_chunk", "_is_line_due", "_left", "_trailer_bytes", "is_broken", "is_over")

    def __init__(self) -> None:
        self.is_over = self.is_broken = False
        self._held = b""
        """The beginning of a line whose end has not come."""
        self._left = 0
        """Bytes of the chunk that have not come."""
        self._is_line_due = False
        """Whether the line's end that follows a chunk is to come."""
        self._trailer_bytes = -1
        """How many there are so far, after the last chunk."""
        self._is_at_chunk = True
        """Whether the next byte begins a chunk."""

    def feed(self, data: bytes) -> bytes:
        if self._is_at_chunk:  # and usually one chunk comes, in its plainest form
            start = data.find(b"\n") + 1
            size = len(data) - start - 2
            if size > 0 and data.startswith(b"%x\r\n" % size) and data.endswith(b"\r\n"):
                return data[start:-2]
        return self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        if self.is_over or self.is_broken:
            self.is_broken = self.is_broken or bool(data)
            return b""
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        at, size = 0, len(data)
        if self._is_between_chunks():
            at = _take_whole_chunks(data, pieces)
            if at == size - len(_END) and data.endswith(_END):
                at, self.is_over, self._trailer_bytes = size, True, 0
        while at < size and not self.is_broken:
            at = self._take_data(data, at, pieces) if self._left else self._take_line(data, at)
        self._is_at_chunk = not (self._held or self.is_broken) and self._is_between_chunks()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _is_between_chunks(self) -> bool:
        return not self._left and not self._is_line_due and self._trailer_bytes < 0

    def end(self) -> None:
        self.is_broken = self.is_broken or not self.is_over

    def _take_data(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Takes what is there of a chunk, and usually the end of its line with it; returns where to go on."""
        stop = at + self._left
        if data.startswith(b"\r\n", stop):
            pieces.append(data[at:stop])
            self._left = 0
            return stop + 2
        piece = data[at:stop]
        pieces.append(piece)
        self._left -= len(piece)
        self._is_line_due = not self._left
        return at + len(piece)

    def _take_line(self, data: bytes, at: int) -> int:
        if self.is_over:  # the connection goes on behind the end
            self.is_broken = True
            return at
        if self._trailer_bytes >= 0:
            return self._take_trailer(data, at)
        if self._is_line_due:
            return self._take_line_end(data, at)
        if (match := _SIZE.match(data, at)) is None:
            return self._hold(data, at, _LONGEST_SIZE)
        self._left = int(match[1], 16)
        if not self._left:
            self._trailer_bytes = 0
        return match.end()

    def _take_line_end(self, data: bytes, at: int) -> int:
        for line_end in (b"\r\n", b"\n"):
            if data.startswith(line_end, at):
                self._is_line_due = False
                return at + len(line_end)
        self.is_broken = data[at:] != b"\r"
        return self._hold(data, at, 1)

    def _take_trailer(self, data: bytes, at: int) -> int:
        if (stop := data.find(b"\n", at)) < 0:
            return self._hold(data, at, _LONGEST_TRAILER)
        self._trailer_bytes += stop - at
        self.is_over = data[at:stop] in (b"", b"\r")
        self.is_broken = self._trailer_bytes > _MOST_TRAILERS
        return stop + 1

    def _hold(self, data: bytes, at: int, most_bytes: int) -> int:
        """Keeps the beginning of a line; one that has its end, or is too long, is none."""
        self._held = data[at:]
        self.is_broken = self.is_broken or b"\n" in self._held or len(self._held) > most_bytes
        return len(data)


def _take_whole_chunks(data: bytes, pieces: list[bytes]) -> int:
    """Takes the chunks that are there whole and have no line end in them, as nearly all; returns where to go on.

    The same would come out of the way that takes them in parts, at three times the cost.
    """
    lines = data.split(b"\r\n")
    chunks = lines[1:-1:2]
    if b"" in chunks:
        del chunks[chunks.index(b"") :]
    if lines[: 2 * len(chunks) : 2] == [b"%x" % len(chunk) for chunk in chunks]:
        pieces += chunks
    else:
        for size, chunk in zip(lines[:-1:2], chunks, strict=False):
            if size.lower() != b"%x" % len(chunk):
                break
            pieces.append(chunk)
    return sum(map(len, lines[: 2 * len(pieces)])) + 4 * len(pieces)


class SizedBody:
    """A body of which the head has said how many bytes it has."""

    __slots__ = ("_left", "is_broken", "is_over")

    def __init__(self, size: int) -> None:
        self._left = size
        self.is_over, self.is_broken = not size, False

    def feed(self, data: bytes) -> bytes:
        piece = data[: self._left]
        self._left -= len(piece)
        self.is_over = not self._left
        self.is_broken = self.is_broken or len(data) > len(piece)
        return piece

    def end(self) -> None:
        self.is_broken = self.is_broken or not self.is_over


class UnboundedBody:
    """A body that ends with its connection."""

    __slots__ = ("is_broken", "is_over")

    def __init__(self) -> None:
        self.is_over = self.is_broken = False

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        self.is_over = True
