"""Upstream errors in all the forms that servers have for them."""

import orjson
import pytest

from gateway.codec.json import JSONValue
from gateway.codec.upstream_error import error_from_object, error_from_response, not_json
from gateway.errors import ErrorKind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, "m"),
        ({"error": "m"}, "m"),
        ({"message": "m"}, "m"),
        ({"message": {"detail": [{"loc": ["body", "x"], "msg": "bad"}]}}, "body.x: bad"),
        ({"detail": "m"}, "m"),
        ({"detail": [{"loc": ["body", "n"], "msg": "bad"}, "other"]}, "body.n: bad; other"),
        ([{"error": {"message": "m", "code": 400, "status": "INVALID"}}], "m"),
        ({"base_resp": {"status_code": 1004, "status_msg": "m"}}, "m"),
        ({"title": "m", "status": 400}, "m"),
        ("plain m", "plain m"),
        ([], "The upstream answered with an error (status 400)."),
        ({}, "The upstream answered with an error (status 400)."),
    ],
)
def test_the_message_is_found(body: JSONValue, message: str) -> None:
    error = error_from_response(400, {}, orjson.dumps(body))
    assert (error.kind, error.message) == (ErrorKind.UPSTREAM_REJECTED, message)


def test_text_is_cut_and_html_is_not_shown() -> None:
    assert error_from_response(500, {}, b"x" * 999).message == "x" * 200
    assert (
        error_from_response(502, {}, b"<html><h1>Bad</h1>").message
        == "The upstream answered with an error (status 502)."
    )


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "no", ErrorKind.UPSTREAM_REJECTED),
        (401, "bad key sk-secret", ErrorKind.UPSTREAM_CREDENTIALS),
        (403, "no", ErrorKind.UPSTREAM_CREDENTIALS),
        (404, "no model", ErrorKind.MODEL_NOT_FOUND),
        (408, "slow", ErrorKind.TIMEOUT),
        (409, "conflict", ErrorKind.UPSTREAM_REJECTED),
        (413, "large", ErrorKind.BODY_TOO_LARGE),
        (422, "extra", ErrorKind.UPSTREAM_REJECTED),
        (429, "slow down", ErrorKind.RATE_LIMITED),
        (429, "You exceeded your current quota", ErrorKind.INSUFFICIENT_QUOTA),
        (402, "pay", ErrorKind.INSUFFICIENT_QUOTA),
        (500, "oops", ErrorKind.UPSTREAM_ERROR),
        (500, "the request exceeds the available context size", ErrorKind.CONTEXT_LENGTH),
        (400, "This model's maximum context length is 8192 tokens", ErrorKind.CONTEXT_LENGTH),
        (500, "model is overloaded", ErrorKind.UPSTREAM_OVERLOADED),
        (503, "busy", ErrorKind.UPSTREAM_OVERLOADED),
        (504, "late", ErrorKind.TIMEOUT),
        (301, "moved", ErrorKind.UPSTREAM_PROTOCOL),
    ],
)
def test_status_and_words_decide_the_kind(status: int, message: str, kind: ErrorKind) -> None:
    error = error_from_response(status, {}, orjson.dumps({"error": {"message": message}}))
    assert error.kind is kind
    assert error.upstream_code == str(status)


def test_the_refused_key_is_not_shown() -> None:
    error = error_from_response(401, {}, b'{"error":{"message":"Incorrect API key provided: sk-12**89"}}')
    assert error.message == "The upstream refused the gateway's credentials."


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("1.5", 1.5), ("Wed, 21 Oct 2026", None), (None, None)])
def test_retry_after_is_kept(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"Retry-After": value}
    assert error_from_response(429, headers, b"{}").retry_after == seconds


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"message": "m", "code": 429}, ErrorKind.RATE_LIMITED, "429"),
        ({"message": "m", "type": "rate_limit_error"}, ErrorKind.RATE_LIMITED, "rate_limit_error"),
        ({"message": "m", "code": "500"}, ErrorKind.UPSTREAM_ERROR, "500"),
        ({"message": "prompt is too long"}, ErrorKind.CONTEXT_LENGTH, None),
        ("overloaded", ErrorKind.UPSTREAM_OVERLOADED, None),
        ({}, ErrorKind.UPSTREAM_ERROR, None),
    ],
)
def test_an_error_inside_a_stream(error: JSONValue, kind: ErrorKind, code: str | None) -> None:
    result = error_from_object(error)
    assert (result.kind, result.upstream_code) == (kind, code)


def test_data_that_is_not_json_is_quoted_in_part() -> None:
    assert not_json(b"abc" * 100).message == "The upstream sent data that is not JSON: " + ("abc" * 67)[:200]
    assert not_json(b" <html>").message == "The upstream sent a page of HTML"


def test_an_error_that_the_upstream_reports_is_told_apart_from_a_broken_connection() -> None:
    assert error_from_object({"message": "m", "code": "oom"}).is_reported
    assert error_from_response(500, {}, b"{}").is_reported
    assert not not_json(b"abc").is_reported
