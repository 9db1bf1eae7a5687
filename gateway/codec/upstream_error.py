"""What an upstream's error means, whatever form it has: an HTTP status, a body, an object inside a stream."""

import re
from collections.abc import Mapping

from gateway.codec.json import JSONObject, JSONValue, loads
from gateway.errors import ErrorKind, GatewayError

_EXCERPT = 200
_CONTEXT_WORDS = re.compile(
    r"context[ _](?:length|window|size)|maximum context|exceed_context_size|prompt is too long|too many tokens"
    r"|input is too long|reduce the length|model_context_window|max(?:imum)? input (?:length|tokens)",
    re.IGNORECASE,
)
_OVERLOAD_WORDS = re.compile(r"overloaded|capacity|server_is_overloaded", re.IGNORECASE)
_QUOTA_WORDS = re.compile(r"insufficient[_ ](?:quota|balance|credits?)|exceeded your current quota", re.IGNORECASE)

_BY_STATUS = {
    400: ErrorKind.UPSTREAM_REJECTED,
    401: ErrorKind.UPSTREAM_CREDENTIALS,
    402: ErrorKind.INSUFFICIENT_QUOTA,
    403: ErrorKind.UPSTREAM_CREDENTIALS,
    404: ErrorKind.MODEL_NOT_FOUND,
    407: ErrorKind.UPSTREAM_CREDENTIALS,
    408: ErrorKind.TIMEOUT,
    413: ErrorKind.BODY_TOO_LARGE,
    422: ErrorKind.UPSTREAM_REJECTED,
    429: ErrorKind.RATE_LIMITED,
    503: ErrorKind.UPSTREAM_OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.UPSTREAM_OVERLOADED,
}


def error_from_response(status: int, headers: Mapping[str, str], body: bytes) -> GatewayError:
    """The error that an answer other than 2xx stands for.

    Args:
        status: the upstream's HTTP status.
        headers: its headers; only `Retry-After` is looked at.
        body: the beginning of its body.
    """
    message, code = _message_and_code(_parsed(body))
    kind = _kind(status, message, code)
    text = _public_message(kind, message, status)
    retry_after = _retry_after(headers.get("Retry-After"))
    word = code or str(status)
    return GatewayError(
        kind,
        text,
        _param(kind),
        retry_after=retry_after,
        upstream_code=word,
        is_reported=True,
        upstream_status=status,
    )


def error_from_object(error: JSONValue) -> GatewayError:
    """The error that an `error` member inside a 200 answer stands for: an object or only its text."""
    message, code = _message_and_code({"error": error})
    status = int(code) if code.isdigit() and len(code) == 3 else 0
    kind = _kind(status, message, code)
    text = _public_message(kind, message, status)
    return GatewayError(kind, text, upstream_code=code or None, is_reported=True, param=_param(kind))


def not_json(data: bytes) -> GatewayError:
    """The error for bytes that should have been JSON, with an excerpt of them."""
    excerpt = data[:_EXCERPT].decode("utf-8", "replace")
    text = "a page of HTML" if excerpt.lstrip().startswith("<") else f"data that is not JSON: {excerpt}"
    return GatewayError(ErrorKind.UPSTREAM_PROTOCOL, f"The upstream sent {text}")


def _parsed(body: bytes) -> JSONValue:
    try:
        return loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace").strip()
        return None if text.startswith("<") else text[:_EXCERPT]


def _message_and_code(body: JSONValue) -> tuple[str, str]:
    """Looks in every place where some server puts them; both are empty if there is nothing."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return (body, "") if isinstance(body, str) else ("", "")
    error = body.get("error")
    if isinstance(error, dict):
        return _text(error.get("message")) or _text(error.get("detail")), _code(error)
    base = body.get("base_resp")
    if isinstance(base, dict):
        return _text(base.get("status_msg")), str(base.get("status_code") or "")
    places = (error, body.get("message"), body.get("detail"), body.get("title"))
    return next((text for place in places if (text := _text(place))), ""), _code(body)


def _text(value: JSONValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _text(value.get("message") or value.get("detail"))
    if isinstance(value, list):
        return "; ".join(_detail(entry) for entry in value)
    return ""


def _detail(entry: JSONValue) -> str:
    """One entry of the list that FastAPI servers put into `detail`: `{loc: [...], msg: str}`."""
    if not isinstance(entry, dict):
        return str(entry)
    place = entry.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where}: {entry.get('msg', '')}".removeprefix(": ")


def _code(error: JSONObject) -> str:
    for name in ("code", "type", "status"):
        value = error.get(name)
        if isinstance(value, str | int) and value:
            return str(value)
    return ""


def _kind(status: int, message: str, code: str) -> ErrorKind:
    """Words come before the status: llama.cpp and others answer 500 for a prompt that is too long."""
    words = f"{code} {message}"
    if _CONTEXT_WORDS.search(words) and status not in (401, 403, 429):
        return ErrorKind.CONTEXT_LENGTH
    if _QUOTA_WORDS.search(words):
        return ErrorKind.INSUFFICIENT_QUOTA
    if status == 429 or "rate_limit" in code:
        return ErrorKind.RATE_LIMITED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500 or status == 0:
        return ErrorKind.UPSTREAM_OVERLOADED if _OVERLOAD_WORDS.search(words) else ErrorKind.UPSTREAM_ERROR
    return ErrorKind.UPSTREAM_REJECTED if status >= 400 else ErrorKind.UPSTREAM_PROTOCOL


def _public_message(kind: ErrorKind, message: str, status: int) -> str:
    if kind is ErrorKind.UPSTREAM_CREDENTIALS:  # its text may hold a part of the gateway's own key
        return "The upstream refused the gateway's credentials."
    return message or f"The upstream answered with an error{f' (status {status})' if status else ''}."


def _param(kind: ErrorKind) -> str | None:
    return {ErrorKind.CONTEXT_LENGTH: "input", ErrorKind.MODEL_NOT_FOUND: "model"}.get(kind)


def _retry_after(value: str | None) -> float | None:
    """Seconds; the form with a date is left to the default."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
