"""Text, reasoning, limits, usage and formats of every real server, through the gateway and the official SDK."""

import json

import openai
import pytest
from openai.types.responses import ResponseInputParam, ResponseTextConfigParam, ResponseUsage
from pydantic import BaseModel

from tests.fakes.client import post_stream
from tests.upstreams.conftest import Tell
from tests.upstreams.scene import COUNT, EMOJI, HELLO, MODEL, PERSON, THOUGHT, Scene, thoughts_of
from tests.upstreams.servers import MODELS

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE: ResponseInputParam = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Say hello"},
            {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        ],
    }
]


class Person(BaseModel):
    name: str
    age: int
    tags: list[str]


SCHEMA: ResponseTextConfigParam = {
    "format": {"type": "json_schema", "name": "person", "schema": Person.model_json_schema(), "strict": False}
}


async def test_a_question_is_answered(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(model=MODEL, input="Say hello", temperature=0)
    assert (response.status, response.output_text, response.model) == ("completed", HELLO, MODEL)


async def test_it_works_with_nothing_but_an_address(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(
        model=f"plain/{scene.server.model}", input="Say hello", instructions="Be brief.", temperature=0
    )
    assert (response.status, response.output_text) == ("completed", HELLO)


async def test_a_stream_says_the_same(scene: Scene, tell: Tell) -> None:
    async with scene.sdk.responses.stream(model=MODEL, input="Say hello", temperature=0) as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    assert len(deltas) > 5
    assert "".join(deltas) == final.output_text == HELLO


async def test_characters_split_over_tokens_arrive_whole(scene: Scene, tell: Tell) -> None:
    checked = await post_stream(scene.gateway, {"model": MODEL, "input": "Show emoji", "temperature": 0})
    assert checked.text == EMOJI


@pytest.mark.parametrize("prompt", ["Say hello", "Think about 2+2", "Count", "Give JSON"])
async def test_every_event_keeps_the_rules(scene: Scene, tell: Tell, prompt: str) -> None:
    checked = await post_stream(scene.gateway, {"model": MODEL, "input": prompt, "temperature": 0})
    assert checked.response["status"] == "completed"


async def test_reasoning_is_an_item_of_its_own(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(model=MODEL, input="Think about 2+2", temperature=0)
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert (thoughts_of(response).strip(), response.output_text.strip()) == (THOUGHT, "The answer is 4.")


async def test_reasoning_is_given_back_on_the_next_turn(scene: Scene, tell: Tell) -> None:
    history: ResponseInputParam = [{"role": "user", "content": "Think about 2+2"}]
    first = await scene.sdk.responses.create(model=MODEL, input=history, temperature=0)
    history += [item.model_dump(exclude_none=True) for item in first.output]  # type: ignore[misc]  # as the SDK documents it
    history.append({"role": "user", "content": "Say hello"})
    second = await scene.sdk.responses.create(model=MODEL, input=history, temperature=0)
    assert (second.status, second.output_text) == ("completed", HELLO)
    usage = (first.usage, second.usage)
    if usage[0] and usage[1] and usage[1].input_tokens:
        thought = usage[1].input_tokens - usage[0].input_tokens
        tell(f"yes ({thought} tokens more)")


async def test_instructions_and_developer_messages_are_understood(scene: Scene, tell: Tell) -> None:
    history: ResponseInputParam = [
        {"role": "developer", "content": "Answer in English."},
        {"role": "user", "content": "Say hello"},
    ]
    response = await scene.sdk.responses.create(model=MODEL, input=history, instructions="Be brief.", temperature=0)
    assert response.status == "completed"
    assert response.output_text == HELLO


async def test_a_limit_ends_the_answer_as_incomplete(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(model=MODEL, input="Count", max_output_tokens=20, temperature=0)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert COUNT.startswith(response.output_text)
    assert 5 < len(response.output_text) < len(COUNT)


async def test_a_stop_word_ends_the_answer(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(model=MODEL, input="Count", temperature=0, extra_body={"stop": [" 7"]})
    assert response.status == "completed"
    assert response.output_text in ("1, 2, 3, 4, 5, 6,", "1, 2, 3, 4, 5, 6, 7")


async def test_tokens_of_a_stream_are_counted(scene: Scene, tell: Tell) -> None:
    async with scene.sdk.responses.stream(model=MODEL, input="Say hello", temperature=0) as stream:
        final = await stream.get_final_response()
    if scene.server.counts:
        expect_tokens(final.usage)
    else:
        assert final.usage is not None
        assert final.usage.model_extra == {"estimated": True}
        tell("no: the server does not count; estimated, and marked as such")


async def test_tokens_of_a_whole_answer_are_counted(scene: Scene, tell: Tell) -> None:
    response = await scene.sdk.responses.create(model=MODEL, input="Say hello", temperature=0)
    expect_tokens(response.usage)


def expect_tokens(usage: ResponseUsage | None) -> None:
    """Those of "Say hello" and its answer."""
    assert usage is not None
    assert usage.input_tokens == 16
    assert usage.output_tokens in (10, 11, 12), "with or without the end of the answer"
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


async def test_a_json_schema_is_weakened_and_reported(scene: Scene, tell: Tell) -> None:
    """The schema in words is nothing that this model understands; that it arrives is what counts."""
    plain = await scene.sdk.responses.create(model=MODEL, input="Give JSON", temperature=0, max_output_tokens=60)
    raw = await scene.sdk.responses.with_raw_response.create(
        model=MODEL, input="Give JSON", text=SCHEMA, temperature=0, max_output_tokens=60
    )
    response = raw.parse()
    assert raw.headers["x-gateway-dropped"] == "text.format:json_schema"
    if scene.server.enforces_json:
        assert response.output_text.startswith("{")
        tell("enforced as JSON, the schema in words; reported")
    else:
        assert plain.usage is not None
        assert response.usage is not None
        assert response.usage.input_tokens > plain.usage.input_tokens + 50
        tell("in words; reported")


async def test_a_json_object_is_json(scene: Scene, tell: Tell) -> None:
    raw = await scene.sdk.responses.with_raw_response.create(
        model=MODEL, input="Give JSON", text={"format": {"type": "json_object"}}, temperature=0
    )
    if scene.server.enforces_json:
        assert raw.parse().output_text == PERSON
        assert "x-gateway-dropped" not in raw.headers
    else:
        assert raw.headers["x-gateway-dropped"] == "text.format:json_object"
        tell("in words; reported")


async def test_an_answer_is_parsed_into_a_class(scene: Scene, tell: Tell) -> None:
    """With nothing but an address, so that the schema goes to the server as it is."""
    try:
        response = await scene.sdk.responses.parse(
            model=f"plain/{scene.server.model}", input="Give JSON", text_format=Person, temperature=0
        )
    except openai.APIStatusError as error:
        tell(f"refused by the server: {error.status_code} `{error.code}`")
        assert scene.server.enforces_json
    else:
        assert response.output_parsed == Person(**json.loads(PERSON))
        tell("yes, by the model's good will: the server ignores the schema")


async def test_a_picture_is_refused_in_strict_mode(scene: Scene, tell: Tell) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await scene.sdk.responses.create(model=MODEL, input=PICTURE, extra_headers={"x-gateway-mode": "strict"})
    assert caught.value.param == "input[0].content[1]"
    assert caught.value.code == "unsupported_value"


async def test_a_picture_is_reported_as_dropped_otherwise(scene: Scene, tell: Tell) -> None:
    raw = await scene.sdk.responses.with_raw_response.create(model=MODEL, input=PICTURE, temperature=0)
    assert raw.headers["x-gateway-dropped"] == "input[0].content[1]:input_image"
    assert raw.parse().status == "completed"


async def test_a_picture_that_is_sent_on_is_up_to_the_server(scene: Scene, tell: Tell) -> None:
    """With nothing but an address the gateway does not know that the model cannot see."""
    model = f"plain/{scene.server.model}"
    try:
        await scene.sdk.responses.create(model=model, input=PICTURE, temperature=0, max_output_tokens=20)
    except (openai.BadRequestError, openai.NotFoundError) as error:
        tell(f"refused: {error.status_code} `{error.code}`")
    else:
        tell("the server drops it without a word")


async def test_models_are_listed(scene: Scene, tell: Tell) -> None:
    models = {model.id async for model in scene.sdk.models.list()}
    assert MODEL in models
    listed = sorted(name for name in models if name.startswith(f"{scene.server.name}/"))
    told = ", ".join(f"`{name}`".replace(str(MODELS), "…") for name in listed)
    tell(told or "the alias only: the server lists nothing")


async def test_chat_completions_pass_through(scene: Scene, tell: Tell) -> None:
    answer = await scene.sdk.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello"}], temperature=0
    )
    assert answer.choices[0].message.content == HELLO
