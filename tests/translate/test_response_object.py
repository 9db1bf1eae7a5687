"""The Response object at each stage of its life."""

import orjson

from gateway.codec.json import JSONObject
from gateway.errors import ErrorKind, GatewayError
from gateway.translate.response_object import ResponseObject
from gateway.translate.signals import Outcome, Usage
from tests.official import check_response
from tests.translate.planning import plan_of

ECHO = plan_of(instructions="Be brief.", temperature=0.5).echo
RESPONSE = ResponseObject("resp_1", 1_700_000_000, ECHO)


def checked(body: bytes) -> JSONObject:
    response: JSONObject = orjson.loads(body)
    assert {name: response[name] for name in ECHO} == ECHO
    return response


def test_in_progress_has_no_output_and_no_usage() -> None:
    response = checked(RESPONSE.pending_json())
    assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_completed_has_a_time() -> None:
    response = checked(RESPONSE.finished([], Outcome.COMPLETED, Usage(1, 2, 3), 1_700_000_002).json(is_stored=False))
    check_response(response)
    assert (response["status"], response["completed_at"]) == ("completed", 1_700_000_002)


def test_incomplete_has_a_reason_and_no_time() -> None:
    response = checked(
        RESPONSE.finished([], Outcome.MAX_OUTPUT_TOKENS, Usage(1, 2, 3), 1_700_000_002).json(is_stored=False)
    )
    check_response(response)
    assert (response["incomplete_details"], response["completed_at"]) == ({"reason": "max_output_tokens"}, None)


def test_failed_has_an_error_and_may_lack_usage() -> None:
    response = checked(RESPONSE.failed([], GatewayError(ErrorKind.TIMEOUT, "Late."), None).json(is_stored=False))
    check_response(response)
    assert response["error"]["message"] == "Late."
    assert response["usage"] is None
