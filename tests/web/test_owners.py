"""One owner's responses, conversations and items do not exist for another, whatever is asked of them."""

from pathlib import Path

import aiohttp
import orjson

from gateway.access.issuing import add_key, revoke_key
from gateway.access.keys import KeyStore
from gateway.codec.json import JSONObject
from tests.fakes.chat import text_stream
from tests.fakes.local_gateway import local_gateway, provider
from tests.fakes.upstream import Script, running_upstream

ADA, BOB = "key-of-ada", "key-of-bob"
SECRET = "the-words-of-ada"
RESPONSES = (("GET", ""), ("GET", "?stream=true"), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items"))
CONVERSATIONS = (
    ("GET", ""),
    ("POST", ""),
    ("DELETE", ""),
    ("GET", "/items"),
    ("POST", "/items"),
    ("GET", "/items/{item}"),
    ("DELETE", "/items/{item}"),
)


async def ask(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None, *, key: str
) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}"}
    async with session.request(method, path, json=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def made(session: aiohttp.ClientSession, path: str, body: JSONObject, key: str) -> JSONObject:
    status, text = await ask(session, "POST", path, body, key=key)
    assert status == 200, text
    return dict(orjson.loads(text))


BODIES: dict[str, JSONObject] = {"": {"metadata": {"a": "b"}}, "/items": {"items": [{"role": "user", "content": "Hi"}]}}


async def both(
    session: aiohttp.ClientSession, method: str, path: str, real: str, body: JSONObject | None = None
) -> int:
    """What Bob gets for a real id of Ada's: exactly what he gets for one that never was."""
    unknown = f"{real[:5]}{'0' * 48}"
    answers = []
    for name in (real, unknown):
        given = {member: name if value == "ID" else value for member, value in body.items()} if body else None
        answers.append(await ask(session, method, path.replace("ID", name), given, key=BOB))
    assert answers[0][0] == answers[1][0]
    assert answers[0][1].replace(real, unknown) == answers[1][1]
    return answers[0][0]


async def test_another_owners_ids_are_as_unknown_as_those_that_never_were() -> None:
    keys = KeyStore(None, f"{ADA},{BOB}")
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url), keys=keys) as gateway:
        upstream.answer(Script.of(text_stream(SECRET)))
        async with aiohttp.ClientSession(gateway.base_url + "/") as session:
            request = {"model": "up/m", "input": SECRET, "background": True}
            response = (await made(session, "responses", request, ADA))["id"]
            items = {"items": [{"role": "user", "content": SECRET}]}
            conversation = (await made(session, "conversations", items, ADA))["id"]
            listed = await ask(session, "GET", f"conversations/{conversation}/items", key=ADA)
            item = orjson.loads(listed[1])["data"][0]["id"]
            for method, rest in RESPONSES:
                assert await both(session, method, f"responses/ID{rest}", response) == 404
            for method, rest in CONVERSATIONS:
                body = BODIES.get(rest) if method == "POST" else None
                path = f"conversations/ID{rest.format(item=item)}"
                assert await both(session, method, path, conversation, body) == 404
            for member, real, status in (("previous_response_id", response, 400), ("conversation", conversation, 404)):
                request = {"model": "up/m", "input": "Hi", member: "ID"}
                assert await both(session, "POST", "responses", real, request) == status
            refused = await ask(session, "POST", "responses", {"model": "up/m", "input": [{"id": item}]}, key=BOB)
            assert (refused[0], SECRET in refused[1]) == (404, False)
            for path in (f"responses/{response}", f"conversations/{conversation}"):
                assert (await ask(session, "GET", path, key=ADA))[0] == 200  # nothing of it was lost


async def test_a_new_key_with_the_name_of_an_old_one_finds_what_that_one_stored(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    old = add_key(path, "ada")
    keys = KeyStore(path)
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url), keys=keys) as gateway:
        upstream.answer(Script.of(text_stream("Hello")))
        async with aiohttp.ClientSession(gateway.base_url + "/") as session:
            response = await made(session, "responses", {"model": "up/m", "input": "Hi"}, old)
            revoke_key(path, "ada")
            new = add_key(path, "ada")
            keys.reload()
            name = f"responses/{response['id']}"
            assert (await ask(session, "GET", name, key=new))[0] == 200
            assert (await ask(session, "GET", name, key=old))[0] == 401
