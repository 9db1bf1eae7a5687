"""What an upstream refuses, over real sockets: asked again once without it, and remembered."""

import logging

import orjson
import pytest

from gateway.codec.refused_member import RefusedMember
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream
from gateway.upstream.refusals import Refusals
from tests.fakes.upstream import Script, running_upstream

OK = Script.of(b"data: [DONE]\n\n")


def refusing(message: str, status: int = 400) -> Script:
    return Script.json({"error": {"message": message}}, status=status)


NO_SEED, NO_TEMPERATURE = refusing("Unknown parameter: 'seed'."), refusing("body.temperature: Extra inputs", 422)


def upstream(base_url: str) -> Upstream:
    return Upstream(ProviderSettings(name="up", base_url=base_url))


async def ask(up: Upstream, *, is_verbatim: bool = False, model: str = "m", **members: object) -> None:
    body = orjson.dumps({"model": model, "messages": [], **members})
    answer = await up.open_chat(body, is_stream=True, request_id="req_1", is_verbatim=is_verbatim)
    answer.close()


async def test_a_request_is_repeated_without_the_member_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with running_upstream() as server, upstream(server.base_url) as up:
        server.answer(NO_SEED, OK)
        with caplog.at_level(logging.INFO):
            await ask(up, seed=1, top_p=0.5)
        assert [sorted(one.json) for one in server.received] == [
            ["messages", "model", "seed", "top_p"],
            ["messages", "model", "top_p"],
        ]
        assert up.refusals.of("m") == (RefusedMember("seed"),)
        assert up.refusals.of("another") == ()
        assert [record.fields["member"] for record in caplog.records] == ["seed"]  # type: ignore[attr-defined]


async def test_several_members_are_found_out_one_after_the_other() -> None:
    async with running_upstream() as server, upstream(server.base_url) as up:
        server.answer(NO_SEED, NO_TEMPERATURE, OK)
        await ask(up, seed=1, temperature=0)
        assert server.last.json == {"model": "m", "messages": []}
        assert len(up.refusals.of("m")) == 2


async def test_a_refusal_that_stays_is_passed_on() -> None:
    async with running_upstream() as server, upstream(server.base_url) as up:
        server.answer(NO_SEED)
        with pytest.raises(GatewayError) as caught:
            await ask(up, seed=1)
        assert caught.value.kind is ErrorKind.UPSTREAM_REJECTED
        assert len(server.received) == 2


@pytest.mark.parametrize("script", [refusing("Unknown parameter: 'seed'.", 500), refusing("Bad messages."), OK])
async def test_nothing_else_is_repeated(script: Script) -> None:
    async with running_upstream() as server, upstream(server.base_url) as up:
        server.answer(script)
        if script.status >= 400:
            with pytest.raises(GatewayError):
                await ask(up, seed=1)
        else:
            await ask(up, seed=1)
        assert len(server.received) == 1
        assert up.refusals.of("m") == ()


async def test_what_must_be_sent_as_it_is_is_never_changed() -> None:
    async with running_upstream() as server, upstream(server.base_url) as up:
        server.answer(NO_SEED, OK)
        with pytest.raises(GatewayError):
            await ask(up, is_verbatim=True, seed=1)
        assert len(server.received) == 1


def test_the_memory_is_bounded() -> None:
    refusals = Refusals("up")
    error = GatewayError(ErrorKind.UPSTREAM_REJECTED, "Unknown parameter: 'seed'.", is_reported=True)
    for number in range(1100):
        assert refusals.learn(orjson.dumps({"model": f"m{number}", "seed": 1}), error) is not None
    assert (len(refusals.of("m5")), len(refusals.of("m1050"))) == (1, 0)
