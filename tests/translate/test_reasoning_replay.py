"""Reasoning goes back to its upstream in the form of its dialect."""

import pytest

from gateway.codec.json import JSONObject
from gateway.settings import Quirks
from gateway.translate.request import plan, read_request
from gateway.translate.sealed import SealedReasoning, encode

DETAILS: list[JSONObject] = [{"type": "reasoning.text", "text": "sealed", "signature": "s", "index": 0}]
SEALED = SealedReasoning("sealed", "up", DETAILS, {"c": {"google": {"thought_signature": "g"}}})
TOKEN = encode(SEALED).hex()
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "ok"}
SAID = {"type": "message", "role": "assistant", "content": "Hello"}
ASK = {"role": "user", "content": "hi"}


def reasoning(**members: object) -> JSONObject:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "shown"}], **members}


def unseal(token: str) -> bytes | None:
    try:
        return bytes.fromhex(token)
    except ValueError:
        return None


def assistant_of(*items: JSONObject, provider: str = "up", quirks: Quirks) -> JSONObject:
    """The assistant message that these items become."""
    request = read_request({"model": "up/m", "input": [ASK, *items]})
    planned = plan(request, model="m", quirks=quirks, strict=False, provider=provider, unseal=unseal)
    message: JSONObject = next(message for message in planned.body["messages"] if message["role"] == "assistant")
    return message


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("reasoning_content", {"reasoning_content": "sealed"}),
        ("reasoning", {"reasoning": "sealed"}),
        ("reasoning_details", {"reasoning_details": DETAILS}),
        ("think_tags", {"content": "<think>\nsealed\n</think>\n\nHello"}),
        (
            "thinking_parts",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "sealed"}]},
                    {"type": "text", "text": "Hello"},
                ]
            },
        ),
        ("none", {}),
    ],
)
def test_sealed_reasoning_comes_back(field: str, members: JSONObject) -> None:
    quirks = Quirks(reasoning_field=field)  # type: ignore[arg-type]
    message = assistant_of(reasoning(encrypted_content=TOKEN), SAID, quirks=quirks)
    assert message == {"role": "assistant", "content": "Hello"} | members


def test_opaque_state_of_another_upstream_is_not_given_back_but_its_text_is() -> None:
    quirks = Quirks(reasoning_field="reasoning_details", tool_extra_content=True)
    message = assistant_of(reasoning(encrypted_content=TOKEN), CALL, OUTPUT, provider="other", quirks=quirks)
    assert message["reasoning"] == "sealed"
    assert "reasoning_details" not in message
    assert "extra_content" not in message["tool_calls"][0]


def test_the_signature_of_a_call_comes_back_with_it() -> None:
    quirks = Quirks(tool_extra_content=True)
    message = assistant_of(reasoning(encrypted_content=TOKEN), CALL, OUTPUT, quirks=quirks)
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "g"}}


def test_a_token_that_cannot_be_opened_is_reported_and_the_visible_text_is_used() -> None:
    request = read_request({"model": "up/m", "input": [ASK, reasoning(encrypted_content="gAAAA"), SAID]})
    planned = plan(request, model="m", quirks=Quirks(), strict=False, unseal=unseal)
    assert planned.dropped == ("input[1].encrypted_content",)
    assert planned.body["messages"][1]["reasoning_content"] == "shown"


def test_only_turns_with_calls_get_it_where_the_dialect_says_so() -> None:
    quirks = Quirks(reasoning_scope="tool_turns")
    assert "reasoning_content" not in assistant_of(reasoning(), SAID, quirks=quirks)
    assert assistant_of(reasoning(), CALL, OUTPUT, quirks=quirks)["reasoning_content"] == "shown"


def losses(*items: JSONObject, quirks: Quirks, provider: str = "up") -> tuple[str, ...]:
    request = read_request({"model": "up/m", "input": [ASK, *items]})
    return plan(request, model="m", quirks=quirks, strict=False, provider=provider, unseal=unseal).dropped


def test_reasoning_that_the_dialect_leaves_out_is_reported_once() -> None:
    quirks = Quirks(reasoning_scope="tool_turns")
    assert losses(reasoning(), SAID, ASK, reasoning(), SAID, quirks=quirks) == ("input:reasoning",)
    assert losses(reasoning(), CALL, OUTPUT, quirks=quirks) == ()


@pytest.mark.parametrize("field", ["reasoning_details", "reasoning_content"])
def test_opaque_state_without_a_text_is_reported_where_it_stays_behind(field: str) -> None:
    quirks = Quirks(reasoning_field=field)  # type: ignore[arg-type]
    opaque = {"type": "reasoning", "encrypted_content": encode(SealedReasoning("", "up", DETAILS)).hex()}
    assert losses(opaque, SAID, quirks=quirks, provider="other") == ("input[1]:reasoning",)
    assert losses(opaque, SAID, quirks=quirks) == (() if field == "reasoning_details" else ("input[1]:reasoning",))


def test_text_beside_opaque_entries_is_reported() -> None:
    quirks = Quirks(reasoning_field="reasoning_details")
    assert losses(reasoning(encrypted_content=TOKEN), reasoning(), SAID, quirks=quirks) == ("input[2]:reasoning",)


def test_a_signature_that_comes_back_with_its_call_is_no_loss() -> None:
    opaque = {"type": "reasoning", "encrypted_content": encode(SealedReasoning("", "up", [], SEALED.extras)).hex()}
    assert losses(opaque, CALL, OUTPUT, quirks=Quirks(tool_extra_content=True)) == ()
    assert losses(opaque, CALL, OUTPUT, quirks=Quirks()) == ("input[1]:reasoning",)
    assert losses(opaque, opaque, CALL, OUTPUT, quirks=Quirks(tool_extra_content=True)) == ("input[1]:reasoning",)
    none = Quirks(tool_extra_content=True, reasoning_field="none")
    assert losses(reasoning(encrypted_content=TOKEN), CALL, OUTPUT, quirks=none) == ("input:reasoning",)


def test_a_required_field_is_empty_where_there_was_no_reasoning() -> None:
    quirks = Quirks(reasoning_required=True)
    assert assistant_of(CALL, OUTPUT, quirks=quirks)["reasoning_content"] == ""
    assert "reasoning_content" not in assistant_of(SAID, quirks=quirks)
