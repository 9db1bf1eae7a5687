"""What the keys of all processes use at the moment, counted in one Redis, and by each process for itself beside it.

While Redis is lost each process goes on with its own count, which is up to date because it takes part in everything.
An answer under way is a lease in Redis, renewed until its end: what a process held that has gone comes free by itself.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from gateway.access.count_scripts import ADMIT, END, RENEW, TAKE_TOKENS
from gateway.access.counts import BUSY_SECONDS, CONCURRENCY, REQUESTS, TOKENS, Claim, LocalCounts, Sharing, Verdict
from gateway.access.redis_link import Call, LinkLostError, RedisLink, Reply
from gateway.access.sliding_counter import WINDOW_SECONDS, SlidingCounter

LEASE_SECONDS = 60
_RENEW_SECONDS = 20.0
_MOST_ENDED = 10_000
"""Ends that wait to be told; the leases of those beyond run out."""

_MOST_TOLD = 200
"""Ends on one way to Redis."""

_LAST_SECONDS = 0.5
"""For the ends that are not told yet when the process stops."""


@dataclass(slots=True)
class _Lease:
    """What one request holds in Redis.

    Args:
        owner: whose it is.
        has_place: it may hold a place among the answers under way.
        id: of the lease.
        tokens: that were taken there.
        minute: in which they were, by its clock.
        is_sure: these are what was taken there; otherwise it may be more, and no more is counted.
    """

    owner: str
    has_place: bool
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    tokens: int = 0
    minute: int = 0
    is_sure: bool = True

    @property
    def keys(self) -> tuple[str, str, str]:
        """Of the counters, the leases, and the note that it has ended."""
        counters, leases = _keys(self.owner)
        return counters, leases, f"{leases.removesuffix('running')}ended:{self.id}"

    def end(self, tokens: int) -> tuple[str | int, ...]:
        """The arguments of its end after so many tokens."""
        return self.id, self.tokens, self.minute, tokens, LEASE_SECONDS if self.has_place else 0


class SharedCounts:
    """Counts of all processes that use one Redis.

    Args:
        link: to it.
        local: what this process uses.
    """

    def __init__(self, link: RedisLink, local: LocalCounts) -> None:
        self._link = link
        self._local = local
        self._leases: dict[Claim, _Lease] = {}
        self._ended: deque[tuple[_Lease, int]] = deque(maxlen=_MOST_ENDED)
        self._telling: set[asyncio.Task[None]] = set()
        link.on_return = lambda: self._begin(self._catch_up())

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keeps the link and the leases while the block runs."""
        async with self._link.opened():
            renewing = asyncio.create_task(self._keep_up(), name="renew leases")
            try:
                yield
            finally:
                renewing.cancel()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_SECONDS):
                        await self._tell_all()
                for telling in self._telling:
                    telling.cancel()

    @property
    def sharing(self) -> Sharing:
        """Whether others know of it at the moment."""
        return Sharing(self._link.is_up, self._link.losses)

    def running(self, owner: str) -> int:
        """The answers under way in this process."""
        return self._local.running(owner)

    async def admit(self, claim: Claim) -> Verdict:
        """Takes a request and a place among the answers under way, or nothing at all."""
        limits, lease = claim.limits, _Lease(claim.owner, claim.limits.max_concurrency > 0)
        arguments = (lease.id, limits.max_concurrency, limits.requests_per_minute, LEASE_SECONDS)
        try:
            verdict = _verdict(claim, await self._link.run(ADMIT, (lease.keys, arguments)))
        except LinkLostError:
            verdict = await self._local.admit(claim)
            if verdict.refused_by:
                self._give_back(lease)
        except asyncio.CancelledError:
            self._give_back(lease)
            raise
        else:
            if not verdict.refused_by:
                self._local.note(claim)
        if claim.is_running and (limits.max_concurrency or limits.tokens_per_minute):
            self._leases[claim] = lease  # of the others Redis need not hear again
        return verdict

    async def take_tokens(self, claim: Claim, tokens: int) -> Verdict:
        """Takes so many tokens, or nothing."""
        arguments = (tokens, claim.limits.tokens_per_minute)
        try:
            reply = await self._link.run(TAKE_TOKENS, (_keys(claim.owner), arguments))
        except LinkLostError:
            self._leases[claim].is_sure = False
            return await self._local.take_tokens(claim, tokens)
        verdict = _verdict(claim, reply, tokens)
        if not verdict.refused_by:
            self._local.note_tokens(claim, tokens)
            lease = self._leases[claim]
            lease.tokens, lease.minute = tokens, int(float(reply[1]) // WINDOW_SECONDS)
        return verdict

    def end(self, claim: Claim, tokens: int) -> None:
        """Gives the place back, and counts the tokens that were really used instead of the guess."""
        self._local.end(claim, tokens)
        if (lease := self._leases.pop(claim, None)) is not None:
            self._end(lease, tokens if claim.limits.tokens_per_minute else 0)

    def _give_back(self, lease: _Lease) -> None:
        """Takes back the place that Redis may have given all the same."""
        if lease.has_place:
            self._end(lease, lease.tokens)

    def _end(self, lease: _Lease, tokens: int) -> None:
        # What is used while Redis is lost would be of an earlier minute when it is back.
        self._ended.append((lease, tokens if self._link.is_up and lease.is_sure else lease.tokens))
        if all(telling.done() for telling in self._telling):  # one that is done may not have been discarded yet
            self._begin(self._tell_all())

    def _begin(self, telling: Coroutine[None, None, None]) -> None:
        """Lets Redis know of the ends in the background."""
        task = asyncio.create_task(telling, name="tell redis what has ended")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _catch_up(self) -> None:
        """Holds the leases of this process, also those that a restart of Redis has lost, and tells what has ended."""
        await self.renew()
        await self._tell_all()

    async def _tell_all(self) -> None:
        while self._ended:
            batch = [self._ended.popleft() for _ in range(min(len(self._ended), _MOST_TOLD))]
            calls = [(lease.keys, lease.end(tokens)) for lease, tokens in batch]
            try:
                await self._link.run_all(END, calls)
            except LinkLostError:  # the leases are told again; tokens may have been counted, and never are twice
                self._ended.extendleft((lease, lease.tokens) for lease, _ in reversed(batch))
                return

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self._catch_up()

    async def renew(self) -> None:
        """Makes every lease of an answer under way new."""
        renewed = [(claim, lease) for claim, lease in self._leases.items() if lease.has_place]
        by_owner: dict[str, list[str]] = {}
        for _, lease in renewed:
            by_owner.setdefault(lease.owner, []).append(lease.id)
        calls: list[Call] = [(_keys(owner)[1:], (LEASE_SECONDS, *ids)) for owner, ids in by_owner.items()]
        with suppress(LinkLostError):
            await self._link.run_all(RENEW, calls)
        for claim, lease in renewed:
            if claim not in self._leases:  # its end may have come before its renewal
                self._give_back(lease)


def _keys(owner: str) -> tuple[str, str]:
    """Of the counters and the leases; what is in braces puts both on one node of a cluster."""
    start = f"responses-gateway:{{owner:{owner}}}"
    return f"{start}:minute", f"{start}:running"


def _verdict(claim: Claim, reply: Reply, tokens_asked: int = 0) -> Verdict:
    """What a script has found, in the words of the local counts."""
    refused_by, now = bytes(reply[0]).decode(), float(reply[1])
    minute = int(now // WINDOW_SECONDS)
    requests, tokens = (SlidingCounter(minute, int(reply[at]), int(reply[at + 1])) for at in (2, 4))
    limits, wait = claim.limits, 0.0
    if refused_by == CONCURRENCY:
        wait = BUSY_SECONDS
    elif refused_by == REQUESTS:
        wait = requests.wait(now, 1, limits.requests_per_minute)
    elif refused_by == TOKENS:
        wait = tokens.wait(now, tokens_asked, limits.tokens_per_minute)
    return Verdict(
        refused_by,
        wait,
        requests.level(now) if limits.requests_per_minute else None,
        tokens.level(now) if limits.tokens_per_minute else None,
    )
