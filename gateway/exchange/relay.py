"""The loop that moves one answer: bytes of the upstream in, frames to the client out."""

import asyncio

from gateway.errors import GatewayError
from gateway.exchange.deadline import Deadline
from gateway.exchange.ports import Answer, Downstream
from gateway.translate.translation import Translation

_REST_SECONDS = 0.25
"""How long an answered upstream may take to end its body before its connection is given up."""


async def listen(answer: Answer, translation: Translation, deadline: Deadline) -> None:
    """Reads until the answer has begun or ended; nothing is put out.

    Raises:
        GatewayError: when the upstream breaks off.
    """
    has_begun = False
    while not has_begun:
        chunk = await answer.read()
        deadline.bytes_came()
        has_begun = translation.listen(chunk) or not chunk


async def relay(answer: Answer, translation: Translation, downstream: Downstream, deadline: Deadline) -> None:
    """Relays until the terminal event has been written.

    Raises:
        GatewayError: when the upstream breaks off; the terminal event has not been written then.
        ConnectionError: when the client is gone.
    """
    passage = _Passage(translation, downstream, deadline)
    while not translation.is_over:
        await answer.feed(passage.take)
        if passage.is_client_behind:
            await downstream.room()
            passage.is_client_behind = False
            deadline.bytes_came()


class _Passage:
    """What happens to each piece of the answer, in one go: no task is woken between the two sockets."""

    __slots__ = ("_deadline", "_downstream", "_translation", "is_client_behind")

    def __init__(self, translation: Translation, downstream: Downstream, deadline: Deadline) -> None:
        self._translation = translation
        self._downstream = downstream
        self._deadline = deadline
        self.is_client_behind = False

    def take(self, chunk: bytes) -> bool:
        """Passes the next bytes of the body on, or its end; says whether more may come at once."""
        translation = self._translation
        frames = translation.feed(chunk) if chunk else translation.finish()
        if not frames:
            self._deadline.bytes_came()
        elif not self._downstream.put(frames, self._deadline.words_came()):
            self._deadline.suspend()
            self.is_client_behind = True
            return False
        return not translation.is_over


async def read_rest(answer: Answer) -> None:
    """Reads what follows the end of the stream, so that the connection can serve again.

    Usually that is nothing but the end of the body. If more comes, the connection is not worth keeping.
    """
    if answer.is_whole:
        return
    try:
        async with asyncio.timeout(_REST_SECONDS):
            await answer.read()
    except (TimeoutError, GatewayError):
        return
