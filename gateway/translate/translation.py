"""One exchange's translation: bytes of a Chat Completions answer in, Responses events out.

This is the whole product as one sans-IO object. It never waits, logs or looks at a clock: the time and the ids
are arguments.
"""

from collections.abc import Callable

from gateway.errors import GatewayError
from gateway.settings import ProviderSettings
from gateway.translate.chat_reader import ChatReader
from gateway.translate.composer import Composer, MintId
from gateway.translate.request import ChatPlan
from gateway.translate.response_object import ResponseObject
from gateway.translate.sealed import Seal
from gateway.translate.usage import estimate


class Translation:
    """Feeds a reader and a composer.

    `begin`, `feed`, `finish`, `fail` and `keep_alive` return whole SSE frames, which are empty when nothing is to be
    sent. After the first call that reaches the end (`is_over`), nothing more comes out.

    Args:
        plan: what was asked.
        provider: limits and quirks of the upstream that answers.
        mint_id: makes the ids of the response, its items and its calls.
        created_at: when the request came, in seconds since the epoch.
        now: the time in seconds since the epoch, whenever it is needed.
        input_bytes: the size of the Chat request, for an upstream that reports no usage.
        seal: seals what must come back on the next turn.
    """

    def __init__(
        self,
        plan: ChatPlan,
        provider: ProviderSettings,
        *,
        mint_id: MintId,
        created_at: int,
        now: Callable[[], int],
        input_bytes: int,
        seal: Seal | None = None,
    ) -> None:
        self._now = now
        self.response_id = mint_id("resp")
        self._reader = ChatReader(
            provider.quirks,
            max_event_bytes=provider.max_event_bytes,
            max_response_bytes=provider.max_response_bytes,
            secret=provider.api_key,
        )
        self._composer = Composer(
            ResponseObject(self.response_id, created_at, plan.echo),
            plan.tools,
            mint_id=mint_id,
            reasoning_events=provider.reasoning_events,
            seal=seal,
            provider=provider.name,
            compacts=plan.compacts,
            estimate=lambda output_bytes: estimate(input_bytes, output_bytes),
        )

    @property
    def is_over(self) -> bool:
        """Whether the terminal event has been written."""
        return self._composer.final is not None

    @property
    def final(self) -> bytes | None:
        """The Response of the terminal event as JSON: the body of an answer that is not streamed."""
        return self._composer.final

    @property
    def has_output(self) -> bool:
        """Whether the Response of the terminal event has any output item."""
        return self._composer.has_output

    @property
    def error(self) -> GatewayError | None:
        """Why the response failed, if it did."""
        return self._composer.error

    @property
    def termination(self) -> str:
        """The status of the terminal event."""
        return self._composer.status

    def begin(self) -> bytes:
        """The frames that open a stream."""
        return self._composer.begin()

    def feed(self, chunk: bytes) -> bytes:
        """The frames for the next bytes of the upstream's body."""
        return self._composer.compose(self._reader.feed(chunk), self._now())

    def finish(self) -> bytes:
        """The frames at the end of the upstream's body."""
        return self._composer.compose(self._reader.finish(), self._now())

    def fail(self, error: GatewayError) -> bytes:
        """The frames when the upstream's answer cannot be had to its end."""
        return self._composer.compose(self._reader.fail(error), self._now())

    def keep_alive(self) -> bytes:
        """A frame for a silent moment."""
        return self._composer.keep_alive()
