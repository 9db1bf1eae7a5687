"""The one error family of the gateway, and how an error looks on the wire.

Whatever goes wrong on purpose is a `GatewayError` of one `ErrorKind`. Anything else that escapes is a
bug and becomes `ErrorKind.INTERNAL` at the edge, without its text. No other module writes an error body.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NotRequired, Self, TypedDict

Source = Literal["client", "upstream", "gateway"]

MESSAGE_LIMIT = 1024
"""Characters of a message that reach a client: an upstream's error text may be a whole page."""


class ErrorObject(TypedDict):
    """The `error` member of an HTTP error body; all four keys are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(TypedDict):
    """An HTTP error body in the API's form."""

    error: ErrorObject


class ResponseError(TypedDict):
    """`response.error` of a failed response: SDKs read `code` and `message`, the AI SDK needs `type`."""

    code: str
    message: str
    type: NotRequired[str]
    param: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of error means: `stream_code` is the code it has inside `response.failed`.

    `retryable` says that another upstream may do better.
    """

    status: int
    type: str
    code: str
    source: Source
    stream_code: str
    retryable: bool = False


_INVALID = "invalid_request_error"
_PERMANENT = "invalid_prompt"
"""The only general code after which Codex does not try five times more."""


class ErrorKind(Enum):
    """Every way a request can fail; `docs/errors.md` has the table."""

    INVALID_JSON = Rule(400, _INVALID, "invalid_json", "client", _PERMANENT)
    INVALID_TYPE = Rule(400, _INVALID, "invalid_type", "client", _PERMANENT)
    INVALID_VALUE = Rule(400, _INVALID, "invalid_value", "client", _PERMANENT)
    MISSING_PARAMETER = Rule(400, _INVALID, "missing_required_parameter", "client", _PERMANENT)
    UNSUPPORTED_PARAMETER = Rule(400, _INVALID, "unsupported_parameter", "client", _PERMANENT)
    UNSUPPORTED_VALUE = Rule(400, _INVALID, "unsupported_value", "client", _PERMANENT)
    PREVIOUS_NOT_FOUND = Rule(400, _INVALID, "previous_response_not_found", "client", _PERMANENT)
    CONTEXT_LENGTH = Rule(400, _INVALID, "context_length_exceeded", "client", "context_length_exceeded")
    UPSTREAM_REJECTED = Rule(400, _INVALID, "upstream_rejected_request", "client", _PERMANENT)
    BAD_REQUEST = Rule(400, _INVALID, "bad_request", "client", _PERMANENT)
    INVALID_API_KEY = Rule(401, _INVALID, "invalid_api_key", "client", _PERMANENT)
    MODEL_NOT_ALLOWED = Rule(403, _INVALID, "model_not_allowed", "client", _PERMANENT)
    NOT_FOUND = Rule(404, _INVALID, "not_found", "client", _PERMANENT)
    ITEM_NOT_FOUND = Rule(404, _INVALID, "item_not_found", "client", _PERMANENT)
    MODEL_NOT_FOUND = Rule(404, _INVALID, "model_not_found", "client", _PERMANENT)
    METHOD_NOT_ALLOWED = Rule(405, _INVALID, "method_not_allowed", "client", _PERMANENT)
    BODY_TIMEOUT = Rule(408, _INVALID, "request_timeout", "client", _PERMANENT)
    BODY_TOO_LARGE = Rule(413, _INVALID, "request_too_large", "client", _PERMANENT)
    UNSUPPORTED_MEDIA_TYPE = Rule(415, _INVALID, "unsupported_media_type", "client", _PERMANENT)
    UPGRADE_REQUIRED = Rule(426, _INVALID, "websocket_not_supported", "client", _PERMANENT)
    KEY_LIMITED = Rule(429, "rate_limit_error", "rate_limit_exceeded", "client", "rate_limit_exceeded")
    BUDGET_SPENT = Rule(429, "insufficient_quota", "insufficient_quota", "client", "insufficient_quota")
    RATE_LIMITED = Rule(429, "rate_limit_error", "rate_limit_exceeded", "upstream", "rate_limit_exceeded", True)
    INSUFFICIENT_QUOTA = Rule(429, "insufficient_quota", "insufficient_quota", "upstream", "insufficient_quota", True)
    INTERNAL = Rule(500, "server_error", "internal_error", "gateway", "server_error")
    UPSTREAM_ERROR = Rule(502, "server_error", "upstream_error", "upstream", "server_error", True)
    UPSTREAM_PROTOCOL = Rule(502, "server_error", "upstream_protocol", "upstream", "server_error", True)
    UPSTREAM_CREDENTIALS = Rule(502, "server_error", "upstream_credentials", "upstream", _PERMANENT, True)
    UPSTREAM_UNREACHABLE = Rule(503, "server_error", "upstream_unreachable", "upstream", "server_error", True)
    UPSTREAM_OVERLOADED = Rule(503, "server_error", "server_is_overloaded", "upstream", "server_is_overloaded", True)
    UPSTREAM_TLS = Rule(502, "server_error", "upstream_tls", "upstream", _PERMANENT, True)
    STATE_UNAVAILABLE = Rule(503, "server_error", "state_unavailable", "gateway", "server_error")
    OVERLOADED = Rule(503, "server_error", "server_is_overloaded", "gateway", "server_is_overloaded")
    SHUTTING_DOWN = Rule(503, "server_error", "server_shutdown", "gateway", "server_error", True)
    TIMEOUT = Rule(504, "server_error", "timeout", "upstream", "server_error", True)


@dataclass(eq=False)
class GatewayError(Exception):
    """A failure with a known cause.

    Args:
        kind: which failure it is; fixes status, type and code.
        message: one sentence for the client; never a key, a prompt or an address of an upstream.
        param: the place in the request, as `input[3].content[0].image_url`.
        code: a more exact code than the kind's.
        retry_after: seconds to wait before another try.
        upstream_code: the upstream's own word for it, for the log.
        upstream_status: the upstream's HTTP status, if it was the error.
        is_reported: the upstream itself said so, by its status or in its answer; it has not just gone away.
        headers: further HTTP headers (`Allow`, `WWW-Authenticate`).
        limit: the name of the setting that refuses the request, for the log.
    """

    kind: ErrorKind
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: float | None = None
    upstream_code: str | None = None
    is_reported: bool = False
    upstream_status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    limit: str = ""

    def __str__(self) -> str:
        return self.message

    @property
    def rule(self) -> Rule:
        return self.kind.value

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.rule.status

    def caught(self) -> Self:
        """The same without the frames that it came through: kept with it, they would keep all of the request."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


def http_body(error: GatewayError) -> ErrorBody:
    """The HTTP error body, in the form of the OpenAI API."""
    rule = error.rule
    return {
        "error": {
            "message": error.message[:MESSAGE_LIMIT],
            "type": rule.type,
            "param": error.param,
            "code": error.code or rule.code,
        }
    }


def http_headers(error: GatewayError) -> dict[str, str]:
    """The headers that belong to the error, beside the usual ones."""
    headers = dict(error.headers)
    if error.status >= 500 and error.rule.stream_code == _PERMANENT:
        headers["x-should-retry"] = "false"  # the OpenAI SDKs try every 5xx again otherwise
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    elif error.kind is ErrorKind.RATE_LIMITED:
        headers["Retry-After"] = "5"  # Codex gives up at once on a 429 without it
    return headers


def response_error(error: GatewayError) -> ResponseError:
    """`response.error` of `response.failed`."""
    message = error.message[:MESSAGE_LIMIT]
    if error.kind is ErrorKind.RATE_LIMITED and error.retry_after is not None:
        message += f" Please try again in {error.retry_after:g}s."  # Codex reads the wait from these words
    return {"code": error.rule.stream_code, "message": message, "type": error.rule.type, "param": error.param}
