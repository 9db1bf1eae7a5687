"""The written corpus through the real process: what a client gets when an upstream sends exactly these bytes.

The translation's own tests cut the bodies in every way; here they pass both sockets, streamed and not.
"""

from collections.abc import Iterator

import aiohttp
import pytest

from gateway.codec.json import JSONObject
from tests.corpus_cases import Case, assert_expected, open_cases
from tests.fakes.client import Answer, post, post_stream
from tests.fakes.gateway import GatewayProcess, start_gateway
from tests.fakes.upstream import Script, Upstream

PROVIDERS: dict[str, dict[str, str]] = {
    "up": {},
    "tags": {"think_tags": "on"},
    "open": {"think_tags": "implicit_open"},
    "cumulative": {"content_mode": "cumulative"},
}
"""A provider for each set of quirks that a case may need; all of them are the same upstream."""

PIECE = 37
"""Bytes of the body in one write of the upstream: events arrive in pieces."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream_port: int) -> Iterator[GatewayProcess]:
    base_url = f"http://127.0.0.1:{upstream_port}/v1"
    providers = [
        {"name": name, "base_url": base_url, "quirks": quirks, "breaker_failures": 0}
        for name, quirks in PROVIDERS.items()
    ]
    process = start_gateway(tmp_path_factory.mktemp("gateway"), providers)
    yield process
    process.stop_cleanly()


def script_of(case: Case) -> Script:
    limit = max(PIECE, len(case.body) // 50)
    pieces = [case.body[at : at + limit] for at in range(0, len(case.body), limit)]
    return Script(tuple(pieces), case.status, case.content_type, case.headers)


def request_of(case: Case) -> JSONObject:
    (provider,) = [name for name, quirks in PROVIDERS.items() if quirks == case.quirks]
    return case.request | {"model": f"{provider}/model", "stream": False}


@pytest.mark.case("U15", "U16", "U17")
@pytest.mark.parametrize("case", [case for case in open_cases() if not case.is_http_error], ids=str)
async def test_a_stream_means_what_it_should(gateway: GatewayProcess, upstream: Upstream, case: Case) -> None:
    upstream.answer(script_of(case))
    logged = len(gateway.lines)
    if is_without_a_word(case):
        assert_is_expected_error(case, await post(gateway, request_of(case) | {"stream": True}))
    else:
        assert_expected(case, (await post_stream(gateway, request_of(case))).response)
    await assert_cause_is_logged(case, gateway, logged)


@pytest.mark.parametrize("case", [case for case in open_cases() if not case.is_http_error], ids=str)
async def test_a_collected_answer_means_the_same(gateway: GatewayProcess, upstream: Upstream, case: Case) -> None:
    upstream.answer(script_of(case))
    answer = await post(gateway, request_of(case))
    if answer.status == 200:
        assert_expected(case, answer.body)
    else:
        assert_is_expected_error(case, answer)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", [case for case in open_cases() if case.is_http_error], ids=str)
async def test_a_refusal_is_an_http_error(
    gateway: GatewayProcess, upstream: Upstream, case: Case, *, stream: bool
) -> None:
    upstream.answer(script_of(case))
    logged = len(gateway.lines)
    answer = await post(gateway, request_of(case) | {"stream": stream})
    assert_is_expected_error(case, answer)
    assert answer.status == case.status
    await assert_cause_is_logged(case, gateway, logged)
    if "Retry-After" in case.headers:
        assert answer.headers["retry-after"] == case.headers["Retry-After"]


def is_without_a_word(case: Case) -> bool:
    """Whether the answer fails before it has said anything: then its stream was not opened yet."""
    return case.expected["status"] == "failed" and not case.expected["output"]


def assert_is_expected_error(case: Case, answer: Answer) -> None:
    assert "failed" in case.statuses
    assert answer.status >= 400
    assert case.expected["error"]["message_contains"] in answer.body["error"]["message"]


async def assert_cause_is_logged(case: Case, gateway: GatewayProcess, since: int) -> None:
    """The upstream's own code for what went wrong is in the log, where the operator looks for it."""
    code = (case.expected["error"] or {}).get("upstream_code")
    if code is not None:
        await gateway.wait_for_line(f'"upstream_code":"{code}"', since=since)


async def test_a_client_without_a_key_gets_nothing(gateway: GatewayProcess, upstream: Upstream) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.base_url}/responses", json={"model": "up/model", "input": "Hi"}) as answer,
    ):
        assert answer.status == 401
    assert upstream.received == []
