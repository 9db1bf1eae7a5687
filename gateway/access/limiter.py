"""The limits of keys: who may ask now, and what each answer tells its client about it.

A request is admitted, takes the tokens that its input is guessed to have, and ends with what it really used. Whatever
it has taken is given back by `Admission.end`, which every way out of a request must come by. No HTTP here.
"""

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from gateway.access.counts import CONCURRENCY, REQUESTS, TOKENS, Claim, Counts, LocalCounts, Sharing, Verdict
from gateway.access.keys import NO_LIMITS, Key
from gateway.access.sliding_counter import Level
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Limits
from gateway.telemetry.usage import Consumption

_FREE = Verdict()

_REACHED = {
    CONCURRENCY: "{} answers at once",
    REQUESTS: "{} requests per minute",
    TOKENS: "{} tokens per minute",
}


class Limiter:
    """The limits of all keys.

    Args:
        on_refusal: called with the name of the limit that refused a request.
        counts: where it is counted.
    """

    def __init__(self, on_refusal: Callable[[str], None] = lambda _: None, counts: Counts | None = None) -> None:
        self._on_refusal = on_refusal
        self._counts = counts or LocalCounts()

    async def admit(self, key: Key | None, common: Limits) -> "Admission":
        """Lets a request in.

        Args:
            key: whose it is; all requests without one are of one owner.
            common: the limits where the key has none of its own. They may differ from those of the request before:
                what is counted stays.

        Raises:
            GatewayError: KEY_LIMITED; nothing has been taken then.
        """
        own = key.limits if key is not None else NO_LIMITS
        claim = Claim(_owner_of(key), common if own is NO_LIMITS else own.over(common))
        verdict = await self._counts.admit(claim) if claim.limits.is_counted else _FREE
        if verdict.refused_by:
            raise self.refusal(claim.limits, verdict)
        return Admission(self, self._counts, claim, verdict)

    @property
    def sharing(self) -> Sharing | None:
        """How the sharing of the counts does; None where each process counts for itself."""
        return self._counts.sharing

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Keeps the counts while the block runs."""
        return self._counts.opened()

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
        return GatewayError(ErrorKind.KEY_LIMITED, message, retry_after=seconds, headers=headers)

    def too_large(self, limits: Limits, verdict: Verdict, tokens: int) -> GatewayError:
        """The error of a request that can never be let in."""
        self._on_refusal(TOKENS)
        message = (
            f"The request is too large for this key: its input has about {tokens} tokens, "
            f"and the limit is {limits.tokens_per_minute} tokens per minute."
        )
        headers = standing_headers(limits, verdict) | {"x-should-retry": "false"}
        return GatewayError(ErrorKind.KEY_LIMITED, message, headers=headers)


class Admission:
    """One request that was let in."""

    __slots__ = ("_claim", "_counts", "_has_ended", "_limiter", "_verdict")

    def __init__(self, limiter: Limiter, counts: Counts, claim: Claim, verdict: Verdict) -> None:
        self._limiter = limiter
        self._counts = counts
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
        verdict = await self._counts.take_tokens(self._claim, tokens)
        self._verdict = Verdict(requests=self._verdict.requests, tokens=verdict.tokens)
        if verdict.refused_by:
            raise self._limiter.refusal(limits, verdict)

    def end(self, consumption: Consumption | None) -> None:
        """The request is over and used this; only the first call counts."""
        if self._has_ended:
            return
        self._has_ended = True
        if self._claim.limits.is_counted:
            used = consumption.input_tokens + consumption.output_tokens if consumption is not None else 0
            self._counts.end(self._claim, used)


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
