"""Any interleaving of requests, with a clock of the test's own: what each limit lets in, and that all comes back."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.access.counts import CONCURRENCY, REQUESTS, TOKENS, Claim, LocalCounts
from gateway.settings import Limits

MINUTE = 60.0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Book:
    """What a test saw the counts let in."""

    requests: dict[float, int] = field(default_factory=dict)
    open: list[Claim] = field(default_factory=list)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from("ab")),
        st.tuples(st.just("take"), st.integers(1, 60)),
        st.tuples(st.just("end"), st.integers(0, 90)),
        st.tuples(st.just("wait"), st.floats(0, 100)),
    ),
    max_size=60,
)


@given(ACTIONS)
async def test_limits_hold_and_everything_comes_back(actions: list[tuple[str, object]]) -> None:
    limits = Limits(requests_per_minute=5, tokens_per_minute=100, max_concurrency=3)
    clock = Clock()
    counts, books = LocalCounts(clock), {"a": Book(), "b": Book()}
    order: list[Claim] = []
    for action, value in actions:
        if action == "wait":
            assert isinstance(value, float)
            clock.now += value
        elif action == "come":
            claim = Claim(str(value), limits)
            book = books[claim.owner]
            verdict = await counts.admit(claim)
            assert (verdict.refused_by == CONCURRENCY) == (len(book.open) == 3)
            assert verdict.requests is not None
            assert verdict.requests.used <= 5
            if not verdict.refused_by:
                book.open.append(claim)
                order.append(claim)
                book.requests[clock.now // MINUTE] = book.requests.get(clock.now // MINUTE, 0) + 1
        elif action == "take" and order and not order[-1].tokens:
            assert isinstance(value, int)
            before = await counts.take_tokens(Claim(order[-1].owner, limits), 0)
            verdict = await counts.take_tokens(order[-1], value)
            assert before.tokens is not None
            assert (verdict.refused_by == TOKENS) == (before.tokens.used + value > 100)
        elif action == "end" and order:
            assert isinstance(value, int)
            claim = order.pop()
            books[claim.owner].open.remove(claim)
            counts.end(claim, value)
        for owner, book in books.items():
            assert counts.running(owner) == len(book.open)
            level = (await counts.take_tokens(Claim(owner, limits), 0)).tokens
            assert level is not None
            assert level.used >= 0
    for claim in order:
        counts.end(claim, 0)
    assert (counts.running("a"), counts.running("b")) == (0, 0)
    assert all(count <= 5 for book in books.values() for count in book.requests.values())


async def test_tokens_are_corrected_by_what_was_used() -> None:
    limits, clock = Limits(tokens_per_minute=100), Clock()
    counts = LocalCounts(clock)

    async def used() -> float:
        level = (await counts.take_tokens(Claim("a", limits), 0)).tokens
        assert level is not None
        return level.used

    for guess, real in ((50, 10), (10, 70)):
        claim = Claim("a", limits)
        await counts.admit(claim)
        await counts.take_tokens(claim, guess)
        counts.end(claim, real)
    assert await used() == 80
    assert (await counts.take_tokens(Claim("a", limits), 21)).refused_by == TOKENS


async def test_a_refused_request_takes_nothing() -> None:
    limits = Limits(requests_per_minute=2, max_concurrency=1)
    counts = LocalCounts(Clock())
    first = Claim("a", limits)
    await counts.admit(first)
    for _ in range(5):
        assert (await counts.admit(Claim("a", limits))).refused_by == CONCURRENCY
    counts.end(first, 0)
    assert (await counts.admit(Claim("a", limits))).refused_by == ""
    counts.end(Claim("a", limits, is_running=True), 0)
    assert (await counts.admit(Claim("a", limits))).refused_by == REQUESTS


async def test_owners_do_not_share() -> None:
    counts = LocalCounts(Clock())
    limits = Limits(max_concurrency=1)
    assert [(await counts.admit(Claim(owner, limits))).refused_by for owner in "aba"] == ["", "", CONCURRENCY]


async def test_who_uses_nothing_is_forgotten_and_who_uses_something_is_not() -> None:
    clock = Clock()
    counts, limits = LocalCounts(clock), Limits(max_concurrency=2, tokens_per_minute=100)
    running = Claim("running", limits)
    await counts.admit(running)
    for number in range(10_000):
        claim = Claim(f"key {number}", limits)
        await counts.admit(claim)
        await counts.take_tokens(claim, 10)
        counts.end(claim, 10)
        clock.now += 1
    assert len(counts._accounts) < 200
    assert counts.running("running") == 1
    level = (await counts.take_tokens(Claim("key 9999", limits), 0)).tokens
    assert level is not None
    assert 9 < level.used <= 10


async def test_asking_after_somebody_keeps_nothing() -> None:
    counts = LocalCounts(Clock())
    assert counts.running("a") == 0
    assert not counts._accounts
