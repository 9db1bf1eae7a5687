from gateway.codec.json import JSONObject
from gateway.translate.token_estimate import TOKENS_PER_MEDIUM, estimated_tokens

TEXT: JSONObject = {"type": "text", "text": "x" * 400}


def estimate(*messages: JSONObject, **members: object) -> int:
    return estimated_tokens({"model": "m", "messages": list(messages), **members})


def test_four_bytes_are_a_token() -> None:
    assert 100 < estimate({"role": "user", "content": "x" * 400}) < 115


def test_tools_count_and_options_do_not() -> None:
    message = {"role": "user", "content": "x"}
    assert estimate(message, tools=[{"description": "x" * 400}]) > estimate(message) + 100
    assert estimate(message, stop=["x" * 400]) == estimate(message)


def test_a_picture_counts_the_same_however_large_it_is() -> None:
    small, large = (
        estimate({"role": "user", "content": [TEXT, {"type": "image_url", "image_url": {"url": "d" * size}}]})
        for size in (10, 1_000_000)
    )
    assert small == large == estimate({"role": "user", "content": [TEXT]}) + TOKENS_PER_MEDIUM
