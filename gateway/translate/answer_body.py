"""The body of an upstream's answer, in any pieces: the events of a stream, or one JSON text where there is none.

Knows the framing and the limits, and nothing of what the JSON means.
"""

from gateway.codec.json import JSONValue, loads
from gateway.codec.lenient_json import loads_leniently
from gateway.codec.sse import BYTE_ORDER_MARK, DONE, ServerSentEvent, SSEDecoder
from gateway.codec.upstream_error import not_json
from gateway.errors import ErrorKind, GatewayError


class AnswerBody:
    """One body.

    Args:
        max_event_bytes: the most bytes of one event of a stream.
        max_response_bytes: the most bytes of the whole body.
    """

    __slots__ = ("_decoder", "_is_sniffing", "_max_response_bytes", "_start", "_whole", "room")

    def __init__(self, *, max_event_bytes: int, max_response_bytes: int) -> None:
        self._decoder = SSEDecoder(max_event_bytes=max_event_bytes)
        self._max_response_bytes = max_response_bytes
        self.room = max_response_bytes
        """How many bytes more it may have; who reads some without `feed` says so here."""
        self._start = b""
        self._whole: list[bytes] | None = None
        self._is_sniffing = True

    @property
    def whole(self) -> bytes | None:
        """All bytes so far of a body that is no event stream; None for a stream."""
        return None if self._whole is None else b"".join(self._whole).removeprefix(BYTE_ORDER_MARK)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this piece completes.

        Raises:
            GatewayError: UPSTREAM_PROTOCOL for an event or a body that is too large.
        """
        self.room -= len(chunk)
        if self.room < 0:
            limit = self._max_response_bytes
            raise GatewayError(ErrorKind.UPSTREAM_PROTOCOL, f"The upstream's answer is larger than {limit} bytes.")
        if self._is_sniffing:
            chunk = self._sniff(chunk)
        if self._whole is not None:
            self._whole.append(chunk)
            return []
        return self._decoder.feed(chunk)

    @property
    def is_between_events(self) -> bool:
        """Whether it is a stream, and the next byte begins an event."""
        return self._whole is None and not self._is_sniffing and self._decoder.is_between_events

    def finish(self) -> list[ServerSentEvent]:
        """What the end of a stream leaves without its blank line: a truncation, which counts only if it is whole."""
        event = self._decoder.finish()
        if event is None:
            return []
        try:
            _, data = event
            if data != DONE:
                loads_leniently(data)
        except ValueError:
            return []
        return [event]

    def _sniff(self, chunk: bytes) -> bytes:
        """Recognises a body that is no event stream by its first character."""
        self._start += chunk
        text = self._start.removeprefix(BYTE_ORDER_MARK).lstrip()
        if not text or BYTE_ORDER_MARK.startswith(self._start):
            return b""
        start, self._start = self._start, b""
        self._is_sniffing = False
        if text[:1] in (b"{", b"[", b"<"):
            self._whole = []
        return start


def read_json(data: bytes) -> JSONValue:
    """The value, or None for data that has none, as a comment that a proxy has wrapped.

    Raises:
        GatewayError: UPSTREAM_PROTOCOL for what is not JSON.
    """
    try:
        return loads(data)
    except ValueError:
        text = data.strip()
    if not text or text.startswith(b":") or text == DONE:
        return None
    try:
        return loads_leniently(data)
    except ValueError:
        raise not_json(data) from None
