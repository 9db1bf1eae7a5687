from aiohttp.test_utils import make_mocked_request

from gateway.access.keys import Key
from gateway.codec.json import JSONObject
from gateway.web.session import Session
from gateway.web.visit import VISIT
from tests.fakes.visits import visit


def session(body: JSONObject, headers: dict[str, str] | None = None, owner: str | None = None) -> str:
    request = make_mocked_request("POST", "/v1/responses", headers=headers)
    request[VISIT] = visit(caller=Key("id", "name", owner) if owner is not None else None)
    return Session(request, body).text()


def user(text: str) -> JSONObject:
    return {"role": "user", "content": [{"type": "input_text", "text": text}]}


def test_the_cache_key_goes_before_the_header_and_the_header_before_the_words() -> None:
    body: JSONObject = {"prompt_cache_key": "k", "input": "Hi"}
    assert session(body, {"session-id": "s"}) == "\0k"
    assert session({"input": "Hi"}, {"session-id": "s"}) == "\0s"
    assert session({"input": "Hi"}, {"Session_ID": "s"}) == "\0s"
    assert session({"input": "Hi"}) == "\0Hi"


def test_sessions_of_different_owners_are_different() -> None:
    assert session({"input": "Hi"}, owner="a") != session({"input": "Hi"}, owner="b")


def test_a_conversation_that_grows_stays_the_same() -> None:
    start: list[JSONObject] = [{"role": "developer", "content": "Be kind."}, user("Hi")]
    longer = [*start, {"type": "message", "role": "assistant", "content": "Hello"}, user("Go on")]
    assert session({"input": start}) == session({"input": longer}) != session({"input": [user("Other")]})
    assert session({"messages": start}) == session({"messages": longer})


def test_odd_bodies_have_a_session_too() -> None:
    for body in ({}, {"input": None}, {"input": [1, None, {"role": "user"}]}, {"input": [], "prompt_cache_key": 5}):
        assert session(body).startswith("\0")


def test_a_long_text_is_cut() -> None:
    assert len(session({"input": "x" * 10_000_000})) < 5000
