import asyncio
from collections.abc import Callable

import pytest

from gateway.errors import ErrorKind, GatewayError
from gateway.exchange.deadline import Deadline
from gateway.exchange.relay import read_rest, relay
from gateway.translate.translation import Translation
from tests.exchange.worlds import Client, Piece, ScriptedAnswer
from tests.fakes import chat
from tests.official import check_stream
from tests.translate.planning import plan_of
from tests.translate.translations import PROVIDER, translation_of


def translation() -> Translation:
    return translation_of(plan_of(stream=True), PROVIDER)


async def relayed(*pieces: Piece, client: Client | None = None) -> tuple[Translation, Client, ScriptedAnswer]:
    answer, client, made = ScriptedAnswer(list(pieces)), client or Client(), translation()
    made.begin()
    with Deadline(PROVIDER) as deadline:
        await relay(answer, made, client, deadline)
    return made, client, answer


async def test_it_ends_with_the_terminal_event() -> None:
    made, client, answer = await relayed(chat.text_stream("Hello"), b"more")
    assert made.is_over
    assert client.body.endswith(b"data: [DONE]\n\n")
    assert answer.pieces == [b"more"]


async def test_what_makes_no_event_is_not_written() -> None:
    _, client, _ = await relayed(b": comment\n\n", b"data: ", b'{"choices": []}\n\n', chat.text_stream("Hello"))
    assert client.writes == 1


async def test_the_end_of_the_body_is_the_end_of_the_answer() -> None:
    made, _, _ = await relayed(chat.chunk({"content": "a"}))
    assert made.termination == "failed"


class EndedInBetween(ScriptedAnswer):
    """A time limit ends the exchange in the moment in which the client has got too much."""

    async def feed(self, take: Callable[[bytes], bool]) -> None:
        await super().feed(take)
        raise asyncio.CancelledError


async def test_nothing_is_lost_when_the_exchange_ends_while_the_client_is_behind() -> None:
    made, client = translation(), Client(delay=0.01)
    begun = made.begin()
    with pytest.raises(asyncio.CancelledError), Deadline(PROVIDER) as deadline:
        await relay(EndedInBetween([chat.chunk({"content": "a"})]), made, client, deadline)
    failed = made.fail(GatewayError(ErrorKind.TIMEOUT, "too long"))
    check_stream(begun + client.body + failed + made.conclude(is_stored=False))


async def test_a_break_is_left_to_the_caller() -> None:
    with pytest.raises(GatewayError):
        await relayed(chat.chunk({"content": "a"}), GatewayError(ErrorKind.UPSTREAM_ERROR, "cut"))


async def test_a_client_that_leaves_ends_it() -> None:
    with pytest.raises(ConnectionError):
        await relayed(chat.chunk({"content": "a"}), client=Client(leaves_after=0))


@pytest.mark.parametrize("rest", [[], [b"more"], [60.0], [GatewayError(ErrorKind.UPSTREAM_ERROR, "cut")]])
async def test_the_rest_is_not_waited_for_long_and_breaks_nothing(rest: list[Piece]) -> None:
    await read_rest(ScriptedAnswer(rest))
