"""The limits of keys: who may ask now, and what each answer tells its client about it.

A request is admitted, takes the tokens that its input is guessed to have, and ends with what it really used. Whatever
it has taken is given back by `Admission.end`, which every way out of a request must come by. No HTTP here.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.access.budgets import Budgets, Overdraft
from gateway.access.counts import CONCURRENCY, REQUESTS, TOKENS, Claim, Counts, LocalCounts, Sharing, Verdict
from gateway.access.keys import NO_LIMITS, Key
from gateway.access.sliding_counter import Level
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Limits
from gateway.telemetry.usage import Consumption

_UNCOUNTED = Verdict()

_REACHED = {
    CONCURRENCY: "{} answers at once",
    REQUESTS: "{} requests per minute",
    TOKENS: "{} tokens per minute",
}


_BUDGETS = {
    "tokens_per_day": "{} tokens a day",
    "tokens_per_month": "{} tokens a month",
    "cost_per_day": "{:g} a day",
    "cost_per_month": "{:g} a month",
}


class Limiter:
    """The limits of all keys.

    Args:
        on_refusal: called with the name of the limit that refused a request.
        counts: where it is counted.
        budgets: what has been spent.
    """

    def __init__(
        self,
        on_refusal: Callable[[str], None] = lambda _: None,
        counts: Counts | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        self._on_refusal = on_refusal
        self._counts = counts or LocalCounts()
        self._budgets = budgets or Budgets()

    async def admit(self, key: Key | None, common: Limits) -> "Admission | None":
        """Lets a request in; returns None where there is nothing to limit.

        Args:
            key: whose it is; all requests without one are of one owner.
            common: the limits where the key has none of its own. They may differ from those of the request before:
                what is counted stays.

        Raises:
            GatewayError: KEY_LIMITED or BUDGET_SPENT; nothing has been taken then.
        """
        own = key.limits if key is not None else NO_LIMITS
        limits = common if own is NO_LIMITS else own.over(common)
        if not (limits.is_counted or limits.has_budget):
            return None
        claim = Claim(_owner_of(key), limits)
        if limits.has_budget and (overdraft := self._budgets.check(claim.owner, limits)) is not None:
            raise self._spent(limits, overdraft)
        verdict = await self._counts.admit(claim) if limits.is_counted else _UNCOUNTED
        if verdict.refused_by:
            raise self.refusal(limits, verdict)
        return Admission(self, claim, verdict)

    async def take_tokens(self, claim: Claim, tokens: int) -> Verdict:
        """Takes tokens for a request that was let in, or nothing."""
        return await self._counts.take_tokens(claim, tokens)

    def end(self, claim: Claim, consumption: Consumption | None) -> None:
        """A request that was let in is over and used this."""
        tokens = consumption.input_tokens + consumption.output_tokens if consumption is not None else 0
        if claim.limits.is_counted:
            self._counts.end(claim, tokens)
        if claim.limits.has_budget and consumption is not None:
            self._budgets.spend(claim.owner, tokens, consumption.cost or 0.0)

    @property
    def sharing(self) -> Sharing | None:
        """How the sharing of the counts does; None where each process counts for itself."""
        return self._counts.sharing

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keeps the counts and the budgets while the block runs."""
        async with self._counts.opened(), self._budgets.opened():
            yield

    def running(self, key: Key | None) -> int:
        """The answers that are under way for this key in this process, as far as it has limits."""
        return self._counts.running(_owner_of(key))

    def refusal(self, limits: Limits, verdict: Verdict) -> GatewayError:
        """The error of a request that may not go on."""
        self._on_refusal(verdict.refused_by)
        seconds = max(1, math.ceil(verdict.wait))
        reached = _REACHED[verdict.refused_by].format(getattr(limits, verdict.refused_by))
        message = f"This key has reached its limit of {reached}. Please try again in {seconds}s."
        headers = standing_headers(limits, verdict)
        return GatewayError(
            ErrorKind.KEY_LIMITED, message, retry_after=seconds, headers=headers, limit=verdict.refused_by
        )

    def _spent(self, limits: Limits, overdraft: Overdraft) -> GatewayError:
        """The error of a request whose budget is spent; without `Retry-After`, since that may be weeks away."""
        self._on_refusal(overdraft.limit)
        budget = _BUDGETS[overdraft.limit].format(getattr(limits, overdraft.limit))
        message = f"This key has spent its budget of {budget}. It begins anew at {overdraft.ends:%Y-%m-%dT%H:%M:%SZ}."
        headers = {"x-should-retry": "false"}
        return GatewayError(ErrorKind.BUDGET_SPENT, message, headers=headers, limit=overdraft.limit)

    def too_large(self, limits: Limits, verdict: Verdict, tokens: int) -> GatewayError:
        """The error of a request that can never be let in."""
        self._on_refusal(TOKENS)
        message = (
            f"The request is too large for this key: its input has about {tokens} tokens, "
            f"and the limit is {limits.tokens_per_minute} tokens per minute."
        )
        headers = standing_headers(limits, verdict) | {"x-should-retry": "false"}
        return GatewayError(ErrorKind.KEY_LIMITED, message, headers=headers, limit=TOKENS)


class Admission:
    """One request that was let in within limits."""

    __slots__ = ("_claim", "_has_ended", "_limiter", "_verdict")

    def __init__(self, limiter: Limiter, claim: Claim, verdict: Verdict) -> None:
        self._limiter = limiter
        self._claim = claim
        self._verdict = verdict
        self._has_ended = False

    @property
    def headers(self) -> dict[str, str]:
        """What the client is told about the limits of its key; nothing where there are none."""
        return standing_headers(self._claim.limits, self._verdict)

    async def take_tokens(self, estimate: Callable[[], int]) -> None:
        """Takes the tokens of the input, which are guessed only where tokens are limited.

        Raises:
            GatewayError: KEY_LIMITED; no tokens have been taken then.
        """
        limits = self._claim.limits
        if not limits.tokens_per_minute:
            return
        tokens = estimate()
        if tokens > limits.tokens_per_minute:
            raise self._limiter.too_large(limits, self._verdict, tokens)
        verdict = await self._limiter.take_tokens(self._claim, tokens)
        self._verdict = Verdict(requests=self._verdict.requests, tokens=verdict.tokens)
        if verdict.refused_by:
            raise self._limiter.refusal(limits, verdict)

    def end(self, consumption: Consumption | None) -> None:
        """The request is over and used this; only the first call counts."""
        if not self._has_ended:
            self._has_ended = True
            self._limiter.end(self._claim, consumption)


def _owner_of(key: Key | None) -> str:
    return key.owner if key is not None else ""


def standing_headers(limits: Limits, verdict: Verdict) -> dict[str, str]:
    """The limits per minute of a key and what is left of them, in the headers of the OpenAI API."""
    headers: dict[str, str] = {}
    if verdict.requests is not None:
        _tell(headers, "requests", limits.requests_per_minute, verdict.requests)
    if verdict.tokens is not None:
        _tell(headers, "tokens", limits.tokens_per_minute, verdict.tokens)
    return headers


def _tell(headers: dict[str, str], what: str, limit: int, level: Level) -> None:
    headers[f"x-ratelimit-limit-{what}"] = str(limit)
    headers[f"x-ratelimit-remaining-{what}"] = str(max(0, math.floor(limit - level.used)))
    headers[f"x-ratelimit-reset-{what}"] = duration(level.reset_seconds)


def duration(seconds: float) -> str:
    """A time as `250ms`, `8.64s` or `1m2s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds * 100) / 100, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
