import orjson
import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.upstream.model_list import Model, read_models


def models(value: JSONValue) -> list[Model]:
    return read_models(orjson.dumps(value), owner="up")


def test_an_entry_is_read_with_what_it_says() -> None:
    assert models({"object": "list", "data": [{"id": "m", "created": 5, "max_model_len": 4096}]}) == [
        Model("m", "up", 5, 4096)
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"max_model_len": 10},
        {"meta": {"n_ctx_train": 10}},
        {"meta": {"n_ctx_train": 99, "n_ctx": 10}},
        {"n_ctx": 10},
        {"context_length": 10},
        {"context_length": 99, "top_provider": {"context_length": 10}},
        {"context_length": 10, "top_provider": {"context_length": None}},
        {"max_context_length": 10},
        {"max_context_length": 99, "loaded_context_length": 10},
        {"max_input_tokens": 10},
        {"model_info": {"max_input_tokens": 10}},
        {"context_window": 10},
    ],
)
def test_the_context_window_is_found_where_servers_put_it(members: JSONObject) -> None:
    assert models({"data": [{"id": "m", **members}]}) == [Model("m", "up", 0, 10)]


@pytest.mark.parametrize("window", [None, 0, -1, True, "4096", 1.5, {}])
def test_what_is_no_count_says_nothing(window: JSONValue) -> None:
    assert models([{"id": "m", "max_model_len": window, "meta": window}]) == [Model("m", "up")]


@pytest.mark.parametrize("value", [{}, {"data": None}, {"data": [1, {"id": 2}, {}]}, 3])
def test_what_is_no_model_is_passed_over(value: JSONValue) -> None:
    assert models(value) == []


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="unexpected"):
        read_models(b"<html>", owner="up")
