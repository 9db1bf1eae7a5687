"""What an exchange needs of the world: protocols that upstreams and downstreams fulfil, and tests fake."""

from collections.abc import Sequence
from typing import Protocol

from gateway.settings import ProviderSettings


class Answer(Protocol):
    """The body of an upstream's 2xx answer."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end. Raises GatewayError when the body breaks off."""

    def close(self) -> None:
        """Gives the connection back, or closes it if the body was not read to its end."""


class ChatUpstream(Protocol):
    """A server that speaks Chat Completions."""

    @property
    def settings(self) -> ProviderSettings:
        """Its limits and quirks."""

    async def open_chat(self, body: bytes, *, is_stream: bool, request_id: str) -> Answer:
        """The answer to a request. Raises GatewayError for anything but a 2xx."""


class Target(Protocol):
    """One place that can answer."""

    @property
    def upstream(self) -> ChatUpstream:
        """The server to ask."""

    @property
    def model(self) -> str:
        """The model's id there."""


class Downstream(Protocol):
    """The client's side of an exchange."""

    async def start(self, frames: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the status line, these headers and the first frames."""

    async def write(self, frames: bytes) -> None:
        """Sends whole frames. Raises ConnectionError when the client is gone or has stalled."""

    async def finish(self) -> None:
        """Ends the body: the client need not wait for anything more."""
