"""The streams that are open, and what waits in them for clients that read slowly."""

from aiohttp.web import Request


class OpenStreams:
    """The requests whose answers are streams under way."""

    def __init__(self) -> None:
        self._requests: dict[int, Request] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request: Request) -> None:
        """The answer to this request begins."""
        self._requests[id(request)] = request

    def remove(self, request: Request) -> None:
        """It is over."""
        del self._requests[id(request)]

    def buffered_bytes(self) -> int:
        """What the gateway holds for all of them, without what is in the kernel."""
        transports = (request.transport for request in self._requests.values())
        return sum(transport.get_write_buffer_size() for transport in transports if transport is not None)
