"""What could not be carried over: in lenient mode a list of safe words, in strict mode an error."""

import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.translate.losses import Losses, safe_word


def test_losses_come_in_the_order_of_the_request_and_once() -> None:
    losses = Losses(("model", "input", "tools", "store"), strict=False)
    losses.note_field("store")
    losses.note("tools[10]", "mcp")
    losses.note("tools[2]", "web_search")
    losses.note("input[4]", "web_search_call")
    losses.note("tools[2]", "web_search")
    assert losses.entries() == ("input[4]:web_search_call", "tools[2]:web_search", "tools[10]:mcp", "store")


def test_text_of_a_client_is_made_safe_and_short() -> None:
    assert safe_word("a\r\nx-evil: é,1") == "a__x-evil:___1"
    assert len(safe_word("x" * 1000)) == 64


def test_an_unknown_member_is_noted_in_its_place_under_a_safe_name() -> None:
    losses = Losses(("a b", "store"), strict=False)
    losses.note_field("store")
    losses.note_unknown("a b")
    assert losses.entries() == ("a_b", "store")


def test_strict_mode_refuses_a_member_by_its_name() -> None:
    with pytest.raises(GatewayError) as caught:
        Losses((), strict=True).note_field("background")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_PARAMETER, "background")


def test_strict_mode_refuses_a_value_by_its_place_and_says_which() -> None:
    with pytest.raises(GatewayError) as caught:
        Losses((), strict=True).note("tools[2]", "web_search")
    assert (caught.value.kind, caught.value.param) == (ErrorKind.UNSUPPORTED_VALUE, "tools[2]")
    assert "web_search" in caught.value.message
