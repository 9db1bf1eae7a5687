"""The Response object: what it echoes of the request, and what becomes of it."""

from gateway.codec.json import JSONObject, dumps
from gateway.errors import GatewayError, response_error
from gateway.translate.signals import Outcome, Usage
from gateway.translate.usage import usage_object


class ResponseObject:
    """Renders the Response at each stage of its life.

    The echo of the request may be large (instructions, tools), so it is rendered once.

    Args:
        response_id: `resp_...`, the same in every event.
        created_at: seconds since the epoch.
        echo: the members that repeat the request.
    """

    __slots__ = ("_created_at", "_echo", "_response_id")

    def __init__(self, response_id: str, created_at: int, echo: JSONObject) -> None:
        self._response_id = response_id
        self._created_at = created_at
        self._echo = dumps(echo)[1:]

    def in_progress(self) -> bytes:
        """The Response while it is being made."""
        return self._render("in_progress", output=[])

    def finished(self, output: list[JSONObject], outcome: Outcome, usage: Usage | None, completed_at: int) -> bytes:
        """The Response after a real end."""
        if outcome is Outcome.COMPLETED:
            return self._render("completed", output=output, usage=usage, completed_at=completed_at)
        return self._render("incomplete", output=output, usage=usage, reason=outcome.value)

    def failed(self, output: list[JSONObject], error: GatewayError, usage: Usage | None) -> bytes:
        """The Response after a failure, with what had come until then."""
        return self._render("failed", output=output, usage=usage, error=error)

    def _render(
        self,
        status: str,
        *,
        output: list[JSONObject],
        usage: Usage | None = None,
        error: GatewayError | None = None,
        reason: str | None = None,
        completed_at: int | None = None,
    ) -> bytes:
        members = dumps(
            {
                "id": self._response_id,
                "object": "response",
                "created_at": self._created_at,
                "completed_at": completed_at,
                "status": status,
                "error": response_error(error) if error else None,
                "incomplete_details": {"reason": reason} if reason else None,
                "output": output,
                "usage": usage_object(usage) if usage else None,
            }
        )
        return members[:-1] + b"," + self._echo
