"""Reasoning that a client carries from turn to turn, through real gateways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.codec.json import JSONObject
from tests.fakes.chat import chunk, ending, text_stream
from tests.fakes.client import post, post_stream
from tests.fakes.gateway import KEY, GatewayProcess, running_gateway
from tests.fakes.upstream import Script, Upstream

THINKING = b"".join(chunk({"reasoning_content": text}) for text in ("Two and ", "two.")) + text_stream("Four.")
OTHER_KEY = "another-key-of-the-real-gateway"


@asynccontextmanager
async def gateways(tmp_path: Path, upstream: Upstream) -> AsyncIterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two processes with the same sealing keys, and two clients' keys each."""
    provider = {"name": "up", "base_url": upstream.base_url}
    sections = {"sealing": {"keys_file": str(tmp_path / "shared.keys")}}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    environment = {"GATEWAY_API_KEYS": f"{KEY},{OTHER_KEY}"}
    async with (
        running_gateway(folders[0], [provider], sections=sections, environment=environment) as one,
        running_gateway(folders[1], [provider], sections=sections, environment=environment) as two,
    ):
        yield one, two


async def turn(gateway: GatewayProcess, items: list[JSONObject]) -> tuple[str, JSONObject]:
    """The losses that are reported, and the answer."""
    answer = await post(gateway, {"model": "up/model", "input": items})
    return answer.headers.get("x-gateway-dropped", ""), answer.body


def given_back(upstream: Upstream) -> str | None:
    message = next(message for message in upstream.last.json["messages"] if message["role"] == "assistant")
    reasoning: str | None = message.get("reasoning_content")
    return reasoning


async def test_reasoning_comes_back_through_another_gateway_with_the_same_key(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with gateways(tmp_path, upstream) as (one, two):
        upstream.answer(Script.of(THINKING), Script.of(text_stream("Yes.")))
        first = await post_stream(one, {"model": "up/model", "input": "2+2?"})
        thought, said = first.response["output"]
        # What a client keeps of it: no text, only the token.
        carried = {
            "type": "reasoning",
            "id": thought["id"],
            "summary": [],
            "encrypted_content": thought["encrypted_content"],
        }
        await turn(two, [{"role": "user", "content": "2+2?"}, carried, said, {"role": "user", "content": "Sure?"}])
    assert given_back(upstream) == "Two and two."


@pytest.mark.parametrize("damage", ["other owner", "damaged", "foreign"])
async def test_a_token_that_cannot_be_opened_is_reported_and_the_session_goes_on(
    tmp_path: Path, upstream: Upstream, damage: str
) -> None:
    async with gateways(tmp_path, upstream) as (one, two):
        upstream.answer(Script.of(THINKING), Script.of(text_stream("Yes.")))
        token = (await post_stream(one, {"model": "up/model", "input": "2+2?"})).response["output"][0][
            "encrypted_content"
        ]
        changed = {"other owner": token, "damaged": token[:-9] + "AAAAAAAAA", "foreign": "gAAAAABn"}[damage]
        client = replace(two, key=OTHER_KEY) if damage == "other owner" else two
        carried = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": changed}
        said = {"role": "assistant", "content": "Four."}
        dropped, body = await turn(
            client, [{"role": "user", "content": "2+2?"}, carried, said, {"role": "user", "content": "Sure?"}]
        )
    assert (dropped, body["status"]) == ("input[1].encrypted_content", "completed")
    assert given_back(upstream) is None


async def test_the_signature_of_a_call_comes_back_to_its_upstream(tmp_path: Path, upstream: Upstream) -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    function = {"name": "f", "arguments": "{}"}
    call = {"index": 0, "id": "c1", "type": "function", "extra_content": extra, "function": function}
    provider = {"name": "up", "base_url": upstream.base_url, "quirks": {"tool_extra_content": True}}
    async with running_gateway(tmp_path, [provider]) as gateway:
        upstream.answer(
            Script.of(chunk({"tool_calls": [call]}) + ending("tool_calls")), Script.of(text_stream("Done."))
        )
        first = await post_stream(gateway, {"model": "up/model", "input": "Go"})
        result = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
        await turn(gateway, [{"role": "user", "content": "Go"}, *first.response["output"], result])
    message = next(message for message in upstream.last.json["messages"] if message["role"] == "assistant")
    assert message["tool_calls"][0]["extra_content"] == extra
