"""The Response object: what it echoes of the request, and what becomes of it."""

from collections.abc import Sequence
from typing import Literal, get_args

from msgspec import Struct

from gateway.codec.json import JSONObject, dumps, dumps_to_join
from gateway.errors import GatewayError, response_error
from gateway.translate.signals import Outcome, Usage
from gateway.translate.usage import usage_object

PendingStatus = Literal["queued", "in_progress"]
PENDING: tuple[PendingStatus, ...] = get_args(PendingStatus)
"""The statuses of a response that is not over."""


Output = Sequence[tuple[str, bytes]]
"""The items, each as its id and as JSON."""


class RenderedResponse(Struct, frozen=True):
    """A Response, as long as nobody has said whether it is stored.

    Args:
        response_id: `resp_...`.
        created_at: seconds since the epoch.
        status: the word for how far it is, or how it ended.
        members: what describes the response itself, as a JSON object without its output.
        echo: what repeats the request, as JSON that follows other members and closes the object.
        output: the items.
    """

    response_id: str
    created_at: int
    status: str
    members: bytes
    echo: bytes
    output: Output

    def head(self, *, is_stored: bool) -> bytes:
        """The JSON object without `output`."""
        return b"%b,%b,%b" % (self.members[:-1], _store(is_stored=is_stored), self.echo)

    def json(self, *, is_stored: bool) -> bytes:
        """The whole JSON object."""
        return with_output(self.head(is_stored=is_stored), [body for _, body in self.output])


def with_output(head: bytes, output: list[bytes]) -> bytes:
    """A Response from its JSON object without `output` and its items."""
    return b'%b,"output":[%b]}' % (head[:-1], b",".join(output))


class ResponseObject:
    """Renders the Response at each stage of its life.

    The echo of the request may be large (instructions, tools), so it is rendered once.

    Args:
        response_id: `resp_...`, the same in every event.
        created_at: seconds since the epoch.
        echo: the members that repeat the request.
    """

    __slots__ = ("_created_at", "_echo", "_is_stored", "response_id")

    def __init__(self, response_id: str, created_at: int, echo: JSONObject) -> None:
        self.response_id = response_id
        self._created_at = created_at
        repeated = dict(echo)
        self._is_stored = bool(repeated.pop("store"))
        self._echo = dumps(repeated)[1:]

    def pending(self, status: PendingStatus = "in_progress") -> RenderedResponse:
        """The Response before its end."""
        return self._made(status, [])

    def pending_json(self, status: PendingStatus = "in_progress") -> bytes:
        """The same as JSON; whether it will be stored is what is hoped."""
        return self.pending(status).json(is_stored=self._is_stored)

    def finished(self, output: Output, outcome: Outcome, usage: Usage | None, completed_at: int) -> RenderedResponse:
        """The Response after a real end."""
        match outcome:
            case Outcome.COMPLETED:
                return self._made("completed", output, usage=usage, completed_at=completed_at)
            case Outcome.CANCELLED:
                return self._made("cancelled", output, usage=usage)
            case _:
                return self._made("incomplete", output, usage=usage, reason=outcome.value)

    def failed(self, output: Output, error: GatewayError, usage: Usage | None) -> RenderedResponse:
        """The Response after a failure, with what had come until then."""
        return self._made("failed", output, usage=usage, error=error)

    def _made(
        self,
        status: str,
        output: Output,
        *,
        usage: Usage | None = None,
        error: GatewayError | None = None,
        reason: str | None = None,
        completed_at: int | None = None,
    ) -> RenderedResponse:
        members = dumps_to_join(
            {
                "id": self.response_id,
                "object": "response",
                "created_at": self._created_at,
                "completed_at": completed_at,
                "status": status,
                "error": response_error(error) if error else None,
                "incomplete_details": {"reason": reason} if reason else None,
                "usage": usage_object(usage) if usage else None,
            }
        )
        return RenderedResponse(self.response_id, self._created_at, status, members, self._echo, output)


def _store(*, is_stored: bool) -> bytes:
    return b'"store":true' if is_stored else b'"store":false'
