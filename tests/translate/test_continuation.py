import itertools

import pytest

from gateway.codec.json import JSONObject
from gateway.errors import GatewayError
from gateway.translate.continuation import check_items, check_pairs, stored_items, without_cut_calls

CALL: JSONObject = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT: JSONObject = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
USER: JSONObject = {"role": "user", "content": "Hi"}


def placed(*items: JSONObject) -> list[tuple[str, JSONObject]]:
    return [(f"input[{index}]", item) for index, item in enumerate(items)]


def stored(*items: JSONObject) -> list[JSONObject]:
    ids = itertools.count(1)
    return list(stored_items(list(items), lambda prefix: f"{prefix}_{next(ids)}"))


@pytest.mark.parametrize(
    ("history", "own"),
    [
        ([], [USER]),
        ([USER], [CALL, OUTPUT]),
        ([USER, CALL], [OUTPUT, USER]),
        ([CALL, OUTPUT], [USER]),
        ([{**CALL, "status": "incomplete"}], [USER]),  # it was cut: nobody can run it
        ([{**CALL, "call_id": None}], [USER]),  # a server has run it
        ([{"type": "local_shell_call", "id": "lsh_1", "call_id": "call_1"}], [
            {"type": "local_shell_call_output", "id": "call_1", "output": "{}"}
        ]),
        ([{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": ""}], [
            {"type": "custom_tool_call_output", "call_id": "c", "output": ""}
        ]),
        ([{"type": "tool_search_call", "call_id": "c", "arguments": {}}], [
            {"type": "tool_search_output", "call_id": "c", "tools": []}
        ]),
    ],
)  # fmt: skip
def test_pairs_that_are_whole_pass(history: list[JSONObject], own: list[JSONObject]) -> None:
    check_pairs(history, placed(*own))


@pytest.mark.parametrize(
    ("history", "own", "param"),
    [
        ([USER], [OUTPUT], "input[0]"),
        ([CALL], [USER, OUTPUT, {**OUTPUT, "call_id": "call_2"}], "input[2]"),
        ([CALL], [USER], "input"),
        ([CALL, {**CALL, "call_id": "call_2"}], [OUTPUT], "input"),
    ],
)
def test_a_half_of_a_pair_is_refused_with_its_place(
    history: list[JSONObject], own: list[JSONObject], param: str
) -> None:
    with pytest.raises(GatewayError) as refused:
        check_pairs(history, placed(*own))
    assert (refused.value.status, refused.value.param) == (400, param)


def test_no_model_sees_half_of_a_call() -> None:
    cut = {**CALL, "status": "incomplete"}
    assert without_cut_calls([USER, cut]) == [USER]
    assert without_cut_calls([cut, OUTPUT]) == [cut, OUTPUT]  # somebody made sense of it
    assert without_cut_calls([USER, CALL]) == [USER, CALL]


def test_input_is_stored_with_ids_types_states_and_parts() -> None:
    assert stored(USER, {"role": "assistant", "content": "Yes"}, OUTPUT, {"type": "reasoning", "summary": []}) == [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Hi"}],
            "id": "msg_1",
            "type": "message",
            "status": "completed",
        },
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Yes", "annotations": []}],
            "id": "msg_2",
            "type": "message",
            "status": "completed",
        },
        {**OUTPUT, "id": "fco_3", "status": "completed"},
        {"type": "reasoning", "summary": [], "id": "rs_4"},
    ]


def test_a_string_is_one_message_and_an_empty_one_is_none() -> None:
    mint = "{}_1".format
    assert [item["content"] for item in stored_items("Hi", mint)] == [[{"type": "input_text", "text": "Hi"}]]
    assert list(stored_items("", mint)) == list(stored_items(None, mint)) == []


def test_ids_and_states_that_a_client_gives_are_kept() -> None:
    item = {**CALL, "status": "incomplete"}
    assert stored(item) == [item]
    assert stored({**USER, "id": 7})[0]["id"] == "msg_1"


def test_what_is_about_one_request_is_not_stored() -> None:
    passing: list[JSONObject] = [
        {"type": "compaction_trigger"},
        {"type": "configuration_update"},
        {"id": "msg_9"},
        {"type": "item_reference", "id": "msg_9"},
    ]
    assert stored(*passing, USER)[0]["role"] == "user"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": 1}]},
         "items[1].content[0].image_url"),
        ({"type": 3}, "items[1].type"),
        ({"type": "item_reference", "id": "msg_1"}, "items[1].id"),
    ],
)  # fmt: skip
def test_what_no_request_could_carry_is_refused(item: JSONObject, param: str) -> None:
    check_items([USER], "items")
    with pytest.raises(GatewayError) as refused:
        check_items([USER, item], "items")
    assert (refused.value.param or "").startswith(param.removesuffix(".id"))
