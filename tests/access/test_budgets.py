import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.budgets import Account, Batch, Budgets, LedgerError, Overdraft, Spent
from gateway.settings import Limits

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeLedger:
    """A ledger that fails when it is told to, before or after it has taken a batch."""

    totals: dict[Account, Spent] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    fails: str = ""

    async def read(self, periods: Collection[str]) -> dict[Account, Spent]:
        if self.fails:
            raise LedgerError
        return {account: replace(spent) for account, spent in self.totals.items() if account[0] in periods}

    async def settle(self, batch: Batch | None, asked: Collection[Account]) -> dict[Account, Spent]:
        if self.fails == "before":
            raise LedgerError
        if batch is not None and batch.id not in self.taken:
            self.taken.add(batch.id)
            for account, spent in batch.spent.items():
                self.totals.setdefault(account, Spent()).add(spent.tokens, spent.cost)
        await asyncio.sleep(0)
        if self.fails == "after":
            raise LedgerError
        return {account: replace(self.totals[account]) for account in asked if account in self.totals}


def budgets_of(clock: Clock, ledger: FakeLedger | None = None) -> Budgets:
    return Budgets(ledger, clock)


@pytest.mark.parametrize(
    ("limits", "limit", "ends"),
    [
        (Limits(tokens_per_day=100), "tokens_per_day", datetime(2026, 2, 1, tzinfo=UTC)),
        (Limits(cost_per_day=1.5), "cost_per_day", datetime(2026, 2, 1, tzinfo=UTC)),
        (Limits(tokens_per_month=100), "tokens_per_month", datetime(2026, 2, 1, tzinfo=UTC)),
        (Limits(cost_per_month=1.5), "cost_per_month", datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_budget_is_spent_when_it_is_reached(limits: Limits, limit: str, ends: datetime) -> None:
    budgets = budgets_of(Clock())
    budgets.spend("a", 99, 1.49)
    assert budgets.check("a", limits) is None
    budgets.spend("b", 1000, 1000.0)
    assert budgets.check("a", limits) is None
    budgets.spend("a", 1, 0.01)
    assert budgets.check("a", limits) == Overdraft(limit, ends)


def test_a_day_begins_anew_and_a_month_goes_on() -> None:
    clock = Clock(datetime(2026, 2, 27, 23, 59, 59, tzinfo=UTC).timestamp())
    budgets = budgets_of(clock)
    limits = Limits(tokens_per_day=100, tokens_per_month=150)
    budgets.spend("a", 100, 0.0)
    assert budgets.check("a", limits) == Overdraft("tokens_per_day", datetime(2026, 2, 28, tzinfo=UTC))
    clock.now += 1
    assert budgets.check("a", limits) is None
    budgets.spend("a", 50, 0.0)
    assert budgets.check("a", limits) == Overdraft("tokens_per_month", datetime(2026, 3, 1, tzinfo=UTC))
    clock.now += DAY
    assert budgets.check("a", limits) is None
    assert budgets.spent("a") == (Spent(), Spent())


async def test_what_is_over_is_forgotten() -> None:
    clock = Clock()
    budgets = budgets_of(clock)
    for day in range(100):
        clock.now = NOON + day * DAY
        budgets.spend("a", 1, 0.0)
        await budgets.settle()
    assert len(budgets._known) == 2


async def test_a_restart_goes_on_where_the_last_one_ended() -> None:
    clock, ledger = Clock(), FakeLedger()
    first = budgets_of(clock, ledger)
    async with first.opened():
        first.spend("a", 70, 0.5)
    second = budgets_of(clock, ledger)
    async with second.opened():
        assert second.spent("a")[0] == Spent(70, 0.5)


async def test_what_others_spend_is_known_after_the_next_look() -> None:
    clock, ledger = Clock(), FakeLedger()
    one, two = budgets_of(clock, ledger), budgets_of(clock, ledger)
    one.spend("a", 10, 0.0)
    two.spend("a", 5, 0.0)
    await one.settle()
    await two.settle()
    assert two.spent("a")[1].tokens == 15
    one.check("a", Limits(tokens_per_day=1))
    await one.settle()
    assert one.spent("a")[1].tokens == 15


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 100)),
        st.tuples(st.just("settle"), st.sampled_from(["", "before", "after"])),
    ),
    max_size=40,
)


@given(STEPS)
async def test_nothing_is_lost_or_counted_twice_however_the_ledger_fails(steps: list[tuple[str, object]]) -> None:
    ledger = FakeLedger()
    budgets, total = budgets_of(Clock(), ledger), 0
    for step, value in steps:
        if step == "spend":
            assert isinstance(value, int)
            budgets.spend("a", value, value / 4)
            total += value
        else:
            ledger.fails = str(value)
            settling = asyncio.create_task(budgets.settle())
            await asyncio.sleep(0)
            budgets.spend("a", 1, 0.25)  # while the ledger is at work
            total += 1
            await settling
        assert [spent.tokens for spent in budgets.spent("a")] == [total, total]
    ledger.fails = ""
    await budgets.settle()
    await budgets.settle()
    assert {spent.tokens for spent in ledger.totals.values()} <= {total}
    assert {spent.cost for spent in ledger.totals.values()} <= {total / 4}
