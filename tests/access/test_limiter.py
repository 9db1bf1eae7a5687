import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from msgspec import convert

from gateway.access.budgets import Budgets
from gateway.access.counts import LocalCounts
from gateway.access.keys import Key
from gateway.access.limiter import Admission, Limiter, duration
from gateway.errors import ErrorKind, GatewayError, http_headers
from gateway.settings import KeyLimits, Limits
from gateway.telemetry.usage import Consumption

KEY = Key("id", "laptop", "name:laptop")


@dataclass
class Desk:
    """A limiter with the limits of the moment, and what it refused by which of them."""

    limits: Limits
    refused: list[str] = field(default_factory=list)
    limiter: Limiter = field(init=False)

    def __post_init__(self) -> None:
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
        self.limiter = Limiter(self.refused.append, LocalCounts(lambda: 15.0), Budgets(now=lambda: noon))

    async def admit(self, key: Key | None = KEY) -> Admission:
        admission = await self.limiter.admit(key, self.limits)
        assert admission is not None
        return admission

    async def refusal(self, key: Key | None = KEY) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            await self.admit(key)
        return caught.value


def desk(**limits: float) -> Desk:
    """With a clock that stands still."""
    return Desk(convert(limits, Limits))


async def test_without_limits_nothing_is_counted_or_told() -> None:
    there = desk()
    for _ in range(100):
        assert await there.limiter.admit(KEY, there.limits) is None
    there.limits = Limits(max_concurrency=1)
    admission = await there.admit()
    await admission.take_tokens(lambda: pytest.fail("nobody asks for it"))
    assert admission.headers == {}


async def test_a_client_is_told_how_its_key_stands() -> None:
    there = desk(requests_per_minute=3, tokens_per_minute=100)
    admission = await there.admit()
    await admission.take_tokens(lambda: 40)
    assert admission.headers == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "1m45s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "60",
        "x-ratelimit-reset-tokens": "1m45s",
    }


async def test_a_refusal_says_when_to_come_again() -> None:
    there = desk(requests_per_minute=2)
    await there.admit()
    await there.admit()
    error = await there.refusal()
    assert error.kind is ErrorKind.KEY_LIMITED
    assert error.message == "This key has reached its limit of 2 requests per minute. Please try again in 75s."
    headers = http_headers(error)
    assert headers["Retry-After"] == "75"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert there.refused == ["requests_per_minute"]


async def test_answers_at_once_are_given_back_once() -> None:
    there = desk(max_concurrency=1)
    first = await there.admit()
    assert http_headers(await there.refusal())["Retry-After"] == "1"
    first.end(None)
    second = await there.admit()
    first.end(None)
    await there.refusal()
    second.end(None)
    await there.admit()


async def test_tokens_that_were_used_count() -> None:
    there = desk(tokens_per_minute=100)
    admission = await there.admit()
    await admission.take_tokens(lambda: 10)
    admission.end(Consumption(20, 75))
    admission = await there.admit()
    assert admission.headers["x-ratelimit-remaining-tokens"] == "5"
    with pytest.raises(GatewayError, match=r"100 tokens per minute\. Please try again"):
        await admission.take_tokens(lambda: 6)
    admission.end(None)
    await (await there.admit()).take_tokens(lambda: 5)


async def test_an_input_beyond_the_limit_itself_can_never_come() -> None:
    admission = await desk(tokens_per_minute=100).admit()
    with pytest.raises(GatewayError, match="about 101 tokens") as caught:
        await admission.take_tokens(lambda: 101)
    headers = http_headers(caught.value)
    assert headers["x-should-retry"] == "false"
    assert "Retry-After" not in headers


async def test_a_key_has_limits_of_its_own() -> None:
    there = desk(requests_per_minute=1, max_concurrency=1)
    free = Key("id", "free", "name:free", limits=KeyLimits(requests_per_minute=0))
    held = await there.admit(free)
    assert (await there.refusal(free)).message.startswith("This key has reached its limit of 1 answers at once")
    held.end(None)
    await there.admit(free)


async def test_requests_without_a_key_share_the_common_limits() -> None:
    there = desk(requests_per_minute=1)
    await there.admit(None)
    await there.refusal(None)
    await there.admit()


async def test_other_limits_count_from_now_on_and_nothing_is_forgotten() -> None:
    there = desk(requests_per_minute=3, max_concurrency=3)
    admissions = [await there.admit() for _ in range(3)]
    there.limits = Limits(requests_per_minute=4, max_concurrency=4)
    admissions.append(await there.admit())
    assert (await there.refusal()).message.startswith("This key has reached its limit of 4 answers")
    there.limits = Limits(requests_per_minute=2, max_concurrency=1)
    for admission in admissions:
        admission.end(None)
    assert "2 requests per minute" in (await there.refusal()).message
    there.limits = Limits(max_concurrency=1)
    await there.admit()
    await there.refusal()


@pytest.mark.parametrize(
    ("limit", "most", "words"),
    [
        ("tokens_per_day", 100, "100 tokens a day. It begins anew at 2026-02-01T00:00:00Z."),
        ("tokens_per_month", 100, "100 tokens a month. It begins anew at 2026-02-01T00:00:00Z."),
        ("cost_per_day", 0.5, "0.5 a day. It begins anew at 2026-02-01T00:00:00Z."),
        ("cost_per_month", 0.5, "0.5 a month. It begins anew at 2026-02-01T00:00:00Z."),
    ],
)
async def test_a_budget_that_is_spent_refuses_until_it_begins_anew(limit: str, most: float, words: str) -> None:
    there = desk(**{limit: most})
    first, second = await there.admit(), await there.admit()
    first.end(Consumption(60, 39, cost=0.4))
    third = await there.admit()
    second.end(Consumption(1, 0, cost=0.1))
    second.end(Consumption(1, 0, cost=0.1))
    error = await there.refusal()
    assert (error.kind, error.message) == (ErrorKind.BUDGET_SPENT, f"This key has spent its budget of {words}")
    assert http_headers(error) == {"x-should-retry": "false"}
    assert there.refused == [limit]
    third.end(None)
    await there.admit(Key("id", "other", "name:other"))


async def test_what_has_no_price_costs_nothing() -> None:
    there = desk(cost_per_day=0.01)
    for _ in range(3):
        (await there.admit()).end(Consumption(1000, 1000))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0171, "18ms"), (0.9999, "1000ms"), (1, "1s"), (8.64, "8.64s"), (60, "1m0s"), (105.5, "1m45.5s")],
)
def test_times_have_the_form_of_the_api(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.alone
async def test_limits_cost_little_beside_a_request() -> None:
    """A short request takes the gateway 300 us or more; the bound is far above the 15 us that were measured."""
    there = desk(requests_per_minute=10**6, tokens_per_minute=10**9, max_concurrency=10**6)
    start = time.process_time()
    for _ in range(1000):
        admission = await there.admit()
        await admission.take_tokens(lambda: 100)
        assert len(admission.headers) == 6
        admission.end(Consumption(100, 10))
    assert (time.process_time() - start) / 1000 < 0.0003
