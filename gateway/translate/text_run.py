"""The short way of a text: from chunks of the upstream that are nothing but more of it to frames for the client."""

from typing import Self

from gateway.codec.json import dumps_to_join, loads
from gateway.translate.event_writer import DELTA, DeltaFrames, EventWriter

BETWEEN_TEXTS = b",\n"
"""What stands between the strings for `parsed_texts`."""
_BORDER = b'"%b"' % BETWEEN_TEXTS
_STRINGS = {str}


def parsed_texts(strings: bytes, count: int) -> list[str] | None:
    """The texts of so many JSON strings, at least one, if they are strings and none of them is empty.

    They are parsed together. No string goes on over the end of a line, so that none can hide where another one begins.
    """
    try:
        texts: list[str] = loads(b"[%b]" % strings)
    except ValueError:
        return None
    if len(texts) != count or "" in texts or set(map(type, texts)) != _STRINGS:
        return None
    return texts


class TextRun:
    """Chunks of one form, one after the other, that go on with one part of a message.

    When a token comes by itself, nothing of its stream is in the processor's caches: what it needs is in this one
    object, and in the writer, which numbers the frames of others too.

    Args:
        start: what stands before the text in an event of this form, with its quotation mark.
        end: what stands behind it, with the other.
        room: how many bytes may still come.
    """

    __slots__ = ("_end", "_frames", "_head", "_start", "_tail", "_texts", "_writer", "room")

    _texts: list[str]
    _frames: DeltaFrames
    _head: bytes
    _tail: bytes
    _writer: EventWriter

    def __init__(self, start: bytes, end: bytes, room: int) -> None:
        self._start, self._end = start, end
        self.room = room

    def into(self, texts: list[str], frames: DeltaFrames, writer: EventWriter) -> Self:
        """Has the texts go to this part, of which these are the texts so far, and out in these frames."""
        self._texts = texts
        self._frames = frames
        self._head, self._tail = frames.head, frames.tail
        self._writer = writer
        return self

    def feed(self, body: bytes) -> bytes:
        """The frames for the next bytes of the body, if they are whole chunks of the form.

        If not, there are none, and nothing has changed: the bytes have to be read in the ordinary way.
        """
        start, end, room = self._start, self._end, self.room - len(body)
        if room <= 0 or not body.startswith(start) or not body.endswith(end):
            return b""
        string = body[len(start) - 1 : 1 - len(end)]
        if b"\n" in string:
            return self._feed_all(string, room)
        try:  # only if all of it is one string does the chunk go on behind it as others of the form
            text = loads(string)
        except ValueError:
            return b""
        if not text:
            return b""
        self._texts.append(text)
        self.room = room
        writer = self._writer
        writer.number = (number := writer.number) + 1
        # Without an escape it is what would be written, too.
        return DELTA % (self._head, dumps_to_join(text) if b"\\" in string else string, self._tail, number)

    def _feed_all(self, string: bytes, room: int) -> bytes:
        """The same for several chunks, of which this is all between the first start and the last end."""
        border = self._end + self._start
        texts = parsed_texts(string.replace(border, _BORDER), string.count(border) + 1)
        if not texts:
            return b""
        self._texts += texts
        self.room = room
        self._writer.write_deltas(self._frames, texts)
        return self._writer.take()
