"""What an exchange needs of the world: protocols that upstreams and downstreams fulfil, and tests fake."""

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.settings import ProviderSettings
from gateway.upstream.gate import Gate
from gateway.upstream.refusals import Refusals


class Answer(Protocol):
    """The body of an upstream's 2xx answer."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end. Raises GatewayError when the body breaks off."""

    @property
    def is_whole(self) -> bool:
        """Whether the body has come and been read to its end."""

    async def feed(self, take: Callable[[bytes], bool]) -> None:
        """Has `take` called with the next bytes the moment they come, and with none at the end, until it returns False.

        Raises GatewayError when the body breaks off, and what `take` raises.
        """

    def close(self) -> None:
        """Gives the connection back, or closes it if the body was not read to its end."""


class ChatUpstream(Protocol):
    """A server that speaks Chat Completions, or the Responses API itself."""

    @property
    def settings(self) -> ProviderSettings:
        """Its limits and quirks."""

    @property
    def refusals(self) -> Refusals:
        """The members that it has refused, and that are not sent again."""

    async def open_answer(self, body: bytes, *, is_stream: bool, request_id: str, is_verbatim: bool = False) -> Answer:
        """The answer to a request, or to one without what is refused. Raises GatewayError for anything but a 2xx."""


class Target(Protocol):
    """One place that can answer."""

    @property
    def upstream(self) -> ChatUpstream:
        """The server to ask."""

    @property
    def model(self) -> str:
        """The model's id there."""

    @property
    def gate(self) -> Gate:
        """What stands before the upstream."""


class Downstream(Protocol):
    """The client's side of an exchange."""

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the status line, these headers and the first frames."""

    def put(self, frames: bytes, now: float, /) -> bool:
        """Sends whole frames in any case, and says whether the client has room for more. Raises ConnectionError.

        `now` is the time of the loop.
        """

    async def room(self) -> None:
        """Waits until the client has room. Raises ConnectionError when it is gone or has stalled."""

    async def write(self, frames: bytes) -> None:
        """Sends whole frames and waits for room."""

    async def finish(self, frames: bytes = b"") -> None:
        """Sends the last frames and ends the body: the client need not wait for anything more."""
