"""What the keys of one process use at the moment: requests and tokens of the last minute, and answers under way."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from gateway.access.sliding_counter import WINDOW_SECONDS, Level, SlidingCounter
from gateway.settings import Limits

CONCURRENCY, REQUESTS, TOKENS = "max_concurrency", "requests_per_minute", "tokens_per_minute"

BUSY_SECONDS = 1.0
"""When to come again while too many answers are under way: nobody knows when the first of them ends."""


@dataclass(slots=True, eq=False)
class Claim:
    """What one request has taken of its key's limits.

    Args:
        owner: whose limits they are.
        limits: as they were when the request came.
        is_running: it counts as an answer under way.
        tokens: a guess at its input that was taken before it is known what it uses.
        minute: in which these were counted.
    """

    owner: str
    limits: Limits
    is_running: bool = False
    tokens: int = 0
    minute: int = 0


class Verdict(Struct, frozen=True):
    """Whether a request may go on, and how full the limits of its key are then.

    Args:
        refused_by: the limit that does not let it; empty if it may go on.
        wait: after so many seconds there is room.
        requests: None where they are not limited, as the next.
        tokens: input and output.
    """

    refused_by: str = ""
    wait: float = 0.0
    requests: Level | None = None
    tokens: Level | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """Whether what is counted is shared with other processes at the moment, and how often it could not be."""

    is_up: bool
    losses: int


class Counts(Protocol):
    """Where it is counted."""

    @property
    def sharing(self) -> Sharing | None:
        """How the sharing does; None where each process counts for itself."""

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Counts while the block runs."""

    def running(self, owner: str) -> int:
        """The answers under way in this process."""

    async def admit(self, claim: Claim) -> Verdict:
        """Takes a request and a place among the answers under way, or nothing at all."""

    async def take_tokens(self, claim: Claim, tokens: int) -> Verdict:
        """Takes so many tokens, or nothing."""

    def end(self, claim: Claim, tokens: int) -> None:
        """Gives the place back, and counts the tokens that were really used instead of the guess."""


@dataclass(slots=True)
class _Account:
    """What one owner uses."""

    running: int = 0
    requests: SlidingCounter = field(default_factory=SlidingCounter)
    tokens: SlidingCounter = field(default_factory=SlidingCounter)

    def is_idle(self, now: float) -> bool:
        """Whether a new one would say the same."""
        return not (self.running or self.requests.level(now).used or self.tokens.level(now).used)


class LocalCounts:
    """Counts of this process alone.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._tidied_at = 0.0

    @property
    def sharing(self) -> Sharing | None:
        """Nobody else knows."""
        return None

    def opened(self) -> AbstractAsyncContextManager[None]:
        """There is nothing to keep up."""
        return nullcontext()

    def running(self, owner: str) -> int:
        """The answers under way in this process."""
        account = self._accounts.get(owner)
        return account.running if account is not None else 0

    async def admit(self, claim: Claim) -> Verdict:
        """Takes a request and a place among the answers under way, or nothing at all."""
        limits, account, now = claim.limits, self._account(claim.owner), self._clock()
        if limits.max_concurrency and account.running >= limits.max_concurrency:
            return self._verdict(claim, CONCURRENCY, BUSY_SECONDS)
        if limits.requests_per_minute and (wait := account.requests.wait(now, 1, limits.requests_per_minute)):
            return self._verdict(claim, REQUESTS, wait)
        self.note(claim)
        return self._verdict(claim)

    async def take_tokens(self, claim: Claim, tokens: int) -> Verdict:
        """Takes so many tokens, or nothing."""
        account, now = self._account(claim.owner), self._clock()
        if wait := account.tokens.wait(now, tokens, claim.limits.tokens_per_minute):
            return self._verdict(claim, TOKENS, wait)
        self.note_tokens(claim, tokens)
        return self._verdict(claim)

    def end(self, claim: Claim, tokens: int) -> None:
        """Gives the place back, and counts the tokens that were really used instead of the guess."""
        account, now = self._account(claim.owner), self._clock()
        if claim.is_running:
            claim.is_running = False
            account.running -= 1
        if not claim.limits.tokens_per_minute:
            return
        if tokens >= claim.tokens:
            account.tokens.add(now, tokens - claim.tokens)
        else:
            account.tokens.take_back(now, claim.minute, claim.tokens - tokens)

    def note(self, claim: Claim) -> None:
        """Counts a request that has been admitted."""
        account = self._account(claim.owner)
        account.running += 1
        claim.is_running = True
        if claim.limits.requests_per_minute:
            account.requests.add(self._clock(), 1)

    def note_tokens(self, claim: Claim, tokens: int) -> None:
        """Counts tokens that have been taken."""
        claim.minute = self._account(claim.owner).tokens.add(self._clock(), tokens)
        claim.tokens = tokens

    def _account(self, owner: str) -> _Account:
        account = self._accounts.get(owner)
        if account is None:
            self._tidy()
            account = self._accounts[owner] = _Account()
        return account

    def _tidy(self) -> None:
        """Forgets who uses nothing, at most once a minute: keys come and go for as long as the process lives."""
        now = self._clock()
        if now - self._tidied_at >= WINDOW_SECONDS:
            self._tidied_at = now
            self._accounts = {owner: one for owner, one in self._accounts.items() if not one.is_idle(now)}

    def _verdict(self, claim: Claim, refused_by: str = "", wait: float = 0.0) -> Verdict:
        account, limits, now = self._account(claim.owner), claim.limits, self._clock()
        requests = account.requests.level(now) if limits.requests_per_minute else None
        return Verdict(refused_by, wait, requests, account.tokens.level(now) if limits.tokens_per_minute else None)
