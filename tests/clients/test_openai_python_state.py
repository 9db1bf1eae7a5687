"""The official Python SDK on stored state: continuing, finding again, conversations."""

import json

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall, ToolParam

from tests.clients.sdk_place import MODEL, create, create_text, place, texts
from tests.fakes.chat import call_stream, chunk, text_stream
from tests.fakes.upstream import Script

WEATHER: ToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CALL = call_stream(("call_1", "get_weather", '{"city":"Rome"}'))
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_loop_with_tools_sends_only_what_is_new(stream: bool) -> None:
    async with place() as there:
        there.answers(CALL, text_stream("It is sunny."), text_stream("Yes."))
        first = await create(there.sdk, stream=stream, input="Weather in Rome?", tools=[WEATHER], instructions="Brief.")
        (call,) = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        second = await create(there.sdk, stream=stream, previous_response_id=first.id, input=[output], tools=[WEATHER])
        assert (second.output_text, second.previous_response_id, second.store) == ("It is sunny.", first.id, True)  # type: ignore[attr-defined]
        messages = there.upstream.last.json["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant", "tool"]  # instructions are not kept
        assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]) == {"city": "Rome"}
        await create(there.sdk, stream=stream, previous_response_id=second.id, input="Sure?")
        assert there.sent[-3:] == ["sunny", "It is sunny.", "Sure?"]
        assert "tools" not in there.upstream.last.json


async def test_two_answers_may_go_on_from_one() -> None:
    async with place() as there:
        there.answers(text_stream("One"))
        first = await create(there.sdk, stream=False, input="A")
        for text in ("B", "C"):
            await create(there.sdk, stream=False, previous_response_id=first.id, input=text)
            assert there.sent == ["A", "One", text]


async def test_what_does_not_fit_a_chain_is_refused() -> None:
    async with place() as there:
        there.answers(CALL)
        first = await create(there.sdk, stream=False, input="Weather?", tools=[WEATHER])
        orphan = {**RESULT, "call_id": "call_9"}
        with pytest.raises(openai.BadRequestError) as refused:
            await create(there.sdk, stream=False, previous_response_id=first.id, input=[RESULT, orphan])
        assert refused.value.param == "input[1]"
        with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_1"):
            await create(there.sdk, stream=False, previous_response_id=first.id, input="And now?")
        with pytest.raises(openai.BadRequestError) as refused:
            await create(there.sdk, stream=False, previous_response_id="resp_" + "0" * 48, input="Hi")
        assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
        assert len(there.upstream.received) == 1


async def test_nothing_is_continued_from_half_a_chain() -> None:
    async with place() as there:
        there.answers(text_stream("One"))
        first = await create(there.sdk, stream=False, input="A")
        second = await create(there.sdk, stream=False, previous_response_id=first.id, input="B")
        await there.sdk.responses.delete(first.id)
        with pytest.raises(openai.BadRequestError, match=first.id):
            await create(there.sdk, stream=False, previous_response_id=second.id, input="C")


async def test_a_chain_has_a_longest_length() -> None:
    async with place(max_chain=2) as there:
        there.answers(text_stream("One"))
        last = await create(there.sdk, stream=False, input="A")
        for _ in range(1):
            last = await create(there.sdk, stream=False, previous_response_id=last.id, input="B")
        last = await create(there.sdk, stream=False, previous_response_id=last.id, input="C")
        with pytest.raises(openai.BadRequestError, match="more than 2"):
            await create(there.sdk, stream=False, previous_response_id=last.id, input="D")


def members(response: Response) -> dict[str, object]:
    """What the wire had of a response, whatever the SDK has added to it."""
    return response.model_dump(exclude_none=True, warnings=False)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_is_found_again_as_it_was_told(stream: bool) -> None:
    async with place() as there:
        there.answers(chunk({"reasoning_content": "Hm."}) + text_stream("Hello"))
        made = await create(there.sdk, stream=stream, input="Hi", metadata={"a": "b"})
        found = await there.sdk.responses.retrieve(made.id)
        assert members(found) == members(made)
        await there.sdk.responses.delete(made.id)
        for use in (there.sdk.responses.retrieve, there.sdk.responses.delete, there.sdk.responses.cancel):
            with pytest.raises(openai.NotFoundError, match=made.id):
                await use(made.id)


async def test_what_is_not_to_be_stored_is_not_there() -> None:
    async with place() as there:
        there.answers(text_stream("Hello"))
        made = await create(there.sdk, stream=False, input="Hi", store=False)
        assert made.store is False  # type: ignore[attr-defined]
        with pytest.raises(openai.NotFoundError):
            await there.sdk.responses.retrieve(made.id)


async def test_the_input_is_listed_a_page_at_a_time() -> None:
    async with place() as there:
        there.answers(text_stream("One"))
        first = await create(there.sdk, stream=False, input="A")
        several = [{"role": "user", "content": f"B{number}"} for number in range(5)]
        second = await create(there.sdk, stream=False, previous_response_id=first.id, input=several)
        ascending = [item async for item in there.sdk.responses.input_items.list(second.id, order="asc", limit=2)]
        assert texts(ascending) == ["A", "One", "B0", "B1", "B2", "B3", "B4"]
        assert len({item.id for item in ascending}) == 7
        newest = await there.sdk.responses.input_items.list(second.id, limit=3)
        assert [item.id for item in newest.data] == [item.id for item in ascending[:3:-1]]
        assert newest.has_more
        with pytest.raises(openai.BadRequestError) as refused:
            await there.sdk.responses.input_items.list(second.id, limit=101)
        assert refused.value.param == "limit"


async def test_a_reference_stands_for_any_stored_item() -> None:
    async with place() as there:
        there.answers(text_stream("One"))
        first = await create(there.sdk, stream=False, input="A")
        reference = {"type": "item_reference", "id": first.output[0].id}
        await create(there.sdk, stream=False, input=[{"role": "user", "content": "B"}, {"id": reference["id"]}])
        assert there.sent == ["B", "One"]
        with pytest.raises(openai.NotFoundError) as refused:
            await create(there.sdk, stream=False, input=[{"type": "item_reference", "id": "msg_none"}])
        assert refused.value.code == "item_not_found"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on(stream: bool) -> None:
    async with place() as there:
        conversation = await there.sdk.conversations.create(
            items=[{"role": "user", "content": "My name is Ada."}], metadata={"topic": "names"}
        )
        there.answers(text_stream("Hello Ada"), text_stream("Ada"))
        made = await create(there.sdk, stream=stream, conversation=conversation.id, input="Hi")
        assert made.conversation is not None
        assert made.conversation.id == conversation.id
        await create(there.sdk, stream=stream, conversation={"id": conversation.id}, input="My name?")
        assert there.sent == ["My name is Ada.", "Hi", "Hello Ada", "My name?"]
        listed = [item async for item in there.sdk.conversations.items.list(conversation.id, order="asc", limit=2)]
        assert texts(listed) == ["My name is Ada.", "Hi", "Hello Ada", "My name?", "Ada"]
        input_items = await there.sdk.responses.input_items.list(made.id, order="asc")
        assert [item.id for item in input_items.data] == [item.id for item in listed[:2]]


async def test_a_failed_answer_leaves_a_conversation_as_it_was() -> None:
    async with place() as there:
        conversation = await there.sdk.conversations.create()
        there.upstream.answer(Script.of(chunk({"content": "Hel"}), "cut"))
        failed = await create(there.sdk, stream=False, conversation=conversation.id, input="Hi")
        assert failed.status == "failed"
        assert (await there.sdk.conversations.items.list(conversation.id)).data == []


async def test_all_of_the_conversations_api() -> None:
    async with place() as there:
        api = there.sdk.conversations
        made = await api.create()
        assert (made.object, made.metadata) == ("conversation", {})
        changed = await api.update(made.id, metadata={"a": "b"})
        assert (changed.id, changed.metadata, changed.created_at) == (made.id, {"a": "b"}, made.created_at)
        assert await api.retrieve(made.id) == changed
        added = await api.items.create(
            made.id, items=[{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]
        )
        ids = [item.id for item in added.data]
        assert (added.first_id, added.last_id, added.has_more) == (ids[0], ids[1], False)
        assert (await api.items.retrieve(str(ids[0]), conversation_id=made.id)).id == ids[0]
        assert await api.items.delete(str(ids[0]), conversation_id=made.id) == changed
        assert [item.id for item in (await api.items.list(made.id)).data] == [ids[1]]
        with pytest.raises(openai.NotFoundError):
            await api.items.retrieve(str(ids[0]), conversation_id=made.id)
        deleted = await api.delete(made.id)
        assert (deleted.id, deleted.deleted, deleted.object) == (made.id, True, "conversation.deleted")
        with pytest.raises(openai.NotFoundError, match=made.id):
            await api.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            await create(there.sdk, stream=False, conversation=made.id, input="Hi")


async def test_a_conversation_and_a_chain_exclude_each_other() -> None:
    async with place() as there:
        made = await create_text(there)
        conversation = await there.sdk.conversations.create()
        with pytest.raises(openai.BadRequestError):
            await create(there.sdk, stream=False, conversation=conversation.id, previous_response_id=made.id, input="A")
        with pytest.raises(openai.BadRequestError) as refused:
            await create(there.sdk, stream=False, conversation=conversation.id, store=False, input="A")
        assert refused.value.param == "store"


async def test_a_gateway_without_a_store_says_so() -> None:
    async with place(backend="none") as there:
        there.answers(text_stream("Hello"))
        answer = await there.sdk.responses.with_raw_response.create(
            model=MODEL, input="Hi", background=True, store=True
        )
        assert answer.headers["x-gateway-dropped"] == "background, store"
        made = answer.parse()
        assert (made.status, made.background, made.store) == ("completed", False, False)  # type: ignore[attr-defined]
        with pytest.raises(openai.NotFoundError):
            await there.sdk.responses.retrieve(made.id)
        with pytest.raises(openai.BadRequestError) as refused:
            await create(there.sdk, stream=False, previous_response_id=made.id, input="Hi")
        assert refused.value.code == "previous_response_not_found"
        with pytest.raises(openai.NotFoundError, match="keeps no conversations"):
            await there.sdk.conversations.create()


async def test_a_compacted_chain_stands_for_it() -> None:
    async with place() as there:
        there.answers(text_stream("One"), text_stream("A summary."))
        first = await create(there.sdk, stream=False, input="A")
        compacted = await there.sdk.responses.compact(model=MODEL, previous_response_id=first.id)
        assert compacted.output[-1].type == "compaction"
        assert there.sent[:2] == ["A", "One"]
