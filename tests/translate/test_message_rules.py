import pytest

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from gateway.translate.message_rules import AFTER_TOOLS
from tests.translate.planning import assistant, call, messages_of, output, plan_of, user

SHORT = Quirks(tool_call_id="alnum9")
TURN: list[JSONObject] = [user("u"), call("call_1-a"), call("AbCdEfGh1"), output("call_1-a"), output("AbCdEfGh1")]


def ids(messages: list[JSONObject]) -> list[str]:
    return [one["id"] for message in messages for one in message.get("tool_calls", [])]


def test_the_common_dialect_has_no_rules() -> None:
    messages = messages_of([*TURN, user("a"), user("b")])
    assert ids(messages) == ["call_1-a", "AbCdEfGh1"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user", "user"]


def test_ids_get_nine_letters_and_digits_and_those_that_have_them_stay() -> None:
    first, second = ids(messages_of(TURN, quirks=SHORT))
    assert (len(first), first.isalnum(), second) == (9, True, "AbCdEfGh1")


def test_an_id_becomes_the_same_in_every_request_and_different_ones_stay_different() -> None:
    longer = [*TURN, assistant("a"), user("u"), call("call_2"), output("call_2")]
    assert ids(messages_of(longer, quirks=SHORT))[:2] == ids(messages_of(TURN, quirks=SHORT))
    many = [item for number in range(300) for item in (call(f"call_{number}"), output(f"call_{number}"))]
    assert len(set(ids(messages_of([user("u"), *many], quirks=SHORT)))) == 300


def test_the_assistant_speaks_between_a_tool_and_the_user_where_it_must() -> None:
    messages = messages_of([*TURN, user("a")], quirks=Quirks(user_after_tool="assistant"))
    assert messages[-2:] == [{"role": "assistant", "content": AFTER_TOOLS}, user("a")]
    assert messages_of([*TURN, assistant("x"), user("a")], quirks=Quirks(user_after_tool="assistant"))[-2:] == [
        {"role": "assistant", "content": "x"},
        user("a"),
    ]


def test_messages_of_one_role_become_one_where_they_must() -> None:
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": "https://a/b.png"}]}
    merge = Quirks(merge_same_role=True)
    assert messages_of([user("a"), user("b")], quirks=merge) == [user("a\n\nb")]
    joined = messages_of([user("a"), picture, assistant("x"), user("b")], quirks=merge)
    assert [part["type"] for part in joined[0]["content"]] == ["text", "image_url"]
    assert [message["role"] for message in joined] == ["user", "assistant", "user"]


def test_calls_with_their_results_are_never_merged() -> None:
    messages = messages_of([*TURN, user("a")], quirks=Quirks(merge_same_role=True))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]


@pytest.mark.parametrize("text", ["", "Looking."])
def test_an_upstream_without_tools_is_told_of_the_calls_in_words(text: str) -> None:
    items = [user("u"), *([assistant(text)] if text else []), call("c", "f", '{"a":1}'), output("c", "out")]
    plan = plan_of(input=items, quirks=Quirks(drop=("tools",)), tools=[], tool_choice="auto")
    said, told = plan.body["messages"][1:]
    assert said == {"role": "assistant", "content": f"{text}\n\n".lstrip() + '[called the tool f with {"a":1}]'}
    assert told == {"role": "user", "content": "[result of a tool call]\n\nout"}
