"""Server-sent events: an incremental decoder for what upstreams send, and the frame this gateway writes.

The decoder follows the WHATWG rules (https://html.spec.whatwg.org/multipage/server-sent-events.html): a line
ends at LF, CRLF or CR and at nothing else, a leading BOM is dropped, comments and unknown fields are ignored.
It takes any split of the bytes, copies each byte a bounded number of times and caps the size of one event.
"""

from gateway.errors import ErrorKind, GatewayError

DONE = b"[DONE]"
"""The data of the frame that ends a Chat Completions stream, and by convention a Responses stream."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


ServerSentEvent = tuple[bytes, bytes]
"""One event: the value of its `event` field (empty if it has none) and its data lines joined by LF."""


class SSEDecoder:
    """Turns the bytes of one body, in any pieces, into events.

    Args:
        max_event_bytes: the most bytes one event may have before it is complete.
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_data_bytes", "_line", "_line_bytes", "_max_event_bytes", "_name")

    def __init__(self, *, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = b""
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this piece of the body completes.

        Raises:
            GatewayError: UPSTREAM_PROTOCOL when an event grows past the cap.
        """
        events: list[ServerSentEvent] = []
        if rest := self._whole_events(chunk, events):
            self._take(rest, events)
        if self._line_bytes + self._data_bytes > self._max_event_bytes:
            limit = self._max_event_bytes
            raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, f"The upstream sent an event of more than {limit} bytes.")
        return events

    def _whole_events(self, chunk: bytes, events: list[ServerSentEvent]) -> bytes:
        """Takes the events at the start that are one line of data each, as nearly all are; returns what follows.

        The same would come out of `_take`, at five times the cost.
        """
        if self._at_start and not self._line and chunk.startswith(b"data:"):
            self._at_start = False
        if not self.is_between_events or b"\r" in chunk:
            return chunk
        if chunk.startswith(b"data: ") and chunk.endswith(b"\n\n"):
            datas = chunk[6:-2].split(b"\n\ndata: ")
            if chunk.count(b"\n") == 2 * len(datas):  # all of them are such events
                events += [(b"", data) for data in datas]
                return b""
        *blocks, rest = chunk.split(b"\n\n")
        for number, block in enumerate(blocks):
            if not block.startswith(b"data: ") or b"\n" in block:
                return b"\n\n".join([*blocks[number:], rest])
            events.append((b"", block[6:]))
        return rest

    @property
    def is_between_events(self) -> bool:
        """Whether the next byte begins an event, and cannot be the second half of a line's end."""
        return not (self._line or self._data or self._name or self._at_start or self._after_cr)

    def _take(self, chunk: bytes, events: list[ServerSentEvent]) -> None:
        *lines, rest = self._with_line_feeds(chunk).split(b"\n")
        if lines and self._line:
            lines[0] = self._unfinished_line() + lines[0]
        for line in lines:
            self._take_line(line, events)
        if rest:
            self._line.append(rest)
            self._line_bytes += len(rest)

    def finish(self) -> ServerSentEvent | None:
        """The event that the end of the body leaves without its blank line, if there is one."""
        events: list[ServerSentEvent] = []
        self._take_line(self._unfinished_line(), events)
        self._take_line(b"", events)
        return events[0] if events else None

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """The chunk with every line end as LF; a CRLF may be cut between two chunks."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _unfinished_line(self) -> bytes:
        line = b"".join(self._line)
        self._line.clear()
        self._line_bytes = 0
        return line

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line.startswith(b"data:"):
            data = line[6:] if line.startswith(b" ", 5) else line[5:]
            self._data.append(data)
            self._data_bytes += len(data)
        elif not line:
            self._dispatch(events)
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ")
        elif line == b"data":
            self._data.append(b"")

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            events.append((self._name, b"\n".join(self._data)))
            self._data.clear()
            self._data_bytes = 0
        self._name = b""


def frame(name: str, data: bytes) -> bytes:
    """One whole SSE frame; the data must be one line, as compact JSON always is."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
