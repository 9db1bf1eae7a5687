"""What became of one request, in one place: the log, the metrics and the traces all tell it from here."""

from collections.abc import Sequence

from msgspec import Struct

from gateway.telemetry.pace import Pace
from gateway.telemetry.usage import Consumption

TERMINATIONS = frozenset(
    {
        "completed",
        "incomplete",
        "client_error",
        "client_gone",
        "client_stalled",
        "failed_upstream_status",
        "upstream_connect",
        "upstream_idle",
        "upstream_protocol",
        "upstream_reset",
        "total_timeout",
        "limited",
        "shed",
        "store_unavailable",
        "cancelled",
        "drained",
        "gateway_error",
    }
)
"""Every word for how an exchange can end; each request has exactly one."""

_LONGEST_NAME = 200


class Work(Struct, frozen=True, kw_only=True):
    """What was done for one request, or for one response in the background.

    Args:
        termination: one of `TERMINATIONS`.
        key_id: of the client's key; empty without one, as the next.
        key: its name.
        model: what the client asked for; empty where nothing was.
        provider: who was asked last; empty where nobody was, as the next.
        upstream_model: the model's id there.
        attempts: who was asked, in order, each `provider/model:word`.
        upstream_code: the upstream's own word for what went wrong.
        limit: the name of the setting that refused it; empty where none did.
        dropped: what could not be carried over, as in `x-gateway-dropped`.
        consumption: what was used; None where nothing was.
        pace: how a streamed answer flowed; None for every other.
        first_token_seconds: from the first byte of the request to the first words of a stream.
    """

    termination: str
    key_id: str = ""
    key: str = ""
    model: str = ""
    provider: str = ""
    upstream_model: str = ""
    attempts: Sequence[str] = ()
    upstream_code: str | None = None
    limit: str = ""
    dropped: Sequence[str] = ()
    consumption: Consumption | None = None
    pace: Pace | None = None
    first_token_seconds: float | None = None


class Report(Struct, frozen=True, kw_only=True):
    """One request.

    Args:
        method: of HTTP.
        path: as the client sent it.
        route: the pattern that the path matched; empty where none did.
        status: what the client has seen.
        seconds: from the first byte of the request to the end.
        work: what was done for it.
    """

    method: str
    path: str
    route: str
    status: int
    seconds: float
    work: Work

    def log_fields(self) -> dict[str, object]:
        """The members of its line in the log."""
        fields: dict[str, object] = {"method": self.method, "path": cut(self.path), "status": self.status}
        add_log_fields(fields, self.work)
        fields["seconds"] = round(self.seconds, 6)
        return fields


def add_log_fields(fields: dict[str, object], work: Work) -> None:
    """Adds what was done to the members of a line in the log."""
    if work.key_id:
        fields["key_id"], fields["key"] = work.key_id, work.key
    if work.model:
        fields["model"] = cut(work.model)
    if work.provider:
        fields["provider"], fields["upstream_model"] = work.provider, cut(work.upstream_model)
    if work.attempts:
        fields["attempts"] = list(work.attempts)
    if work.upstream_code is not None:
        fields["upstream_code"] = cut(work.upstream_code)
    if work.limit:
        fields["limit"] = work.limit
    if work.consumption is not None:
        _add_usage_fields(fields, work.consumption)
    if work.first_token_seconds is not None:
        fields["first_token_seconds"] = round(work.first_token_seconds, 6)
    fields["termination"] = work.termination


def _add_usage_fields(fields: dict[str, object], used: Consumption) -> None:
    fields["input_tokens"], fields["output_tokens"] = used.input_tokens, used.output_tokens
    fields["cached_tokens"], fields["reasoning_tokens"] = used.cached_tokens, used.reasoning_tokens
    fields["usage_estimated"] = used.is_estimated
    if used.cost is not None:
        fields["cost"] = round(used.cost, 9)


def cut(text: str) -> str:
    """A text of somebody else, not longer than a log line bears."""
    return text[:_LONGEST_NAME]
