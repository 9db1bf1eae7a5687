"""What the keys of all processes use at the moment, counted in one Redis, and by each process for itself beside it.

While Redis is lost each process goes on with its own count, which is up to date because it takes part in everything.
An answer under way is a lease in Redis, renewed until its end: what a process held that has gone comes free by itself.
Each step is one script, so that it happens whole or not at all, and the clock is that of Redis.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

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

_COUNTERS = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local minute = math.floor(now / 60)
local kept = redis.call('HMGET', KEYS[1], 'minute', 'requests_before', 'requests', 'tokens_before', 'tokens')
local age = minute - (tonumber(kept[1]) or minute)
local requests_before, requests = tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
local tokens_before, tokens = tonumber(kept[4]) or 0, tonumber(kept[5]) or 0
if age ~= 0 then
    requests_before, tokens_before = age == 1 and requests or 0, age == 1 and tokens or 0
    requests, tokens = 0, 0
end
local function fits(before, current, amount, limit)
    return limit == 0 or before * (1 - (now / 60) % 1) + current + amount <= limit
end
local function keep()
    redis.call('HSET', KEYS[1], 'minute', minute, 'requests_before', requests_before, 'requests', requests,
        'tokens_before', tokens_before, 'tokens', tokens)
    redis.call('EXPIRE', KEYS[1], 180)
end
local function reply(refused_by)
    return {refused_by, string.format('%.6f', now), requests_before, requests, tokens_before, tokens}
end
"""
"""What each script begins with: the counters of one owner, as `SlidingCounter` has them. KEYS: counters, leases."""

_ADMIT = (
    _COUNTERS
    + """
local lease, most, limit, seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if most > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if redis.call('ZCARD', KEYS[2]) >= most then return reply('max_concurrency') end
end
if not fits(requests_before, requests, 1, limit) then return reply('requests_per_minute') end
if most > 0 then
    redis.call('ZADD', KEYS[2], now + seconds, lease)
    redis.call('EXPIRE', KEYS[2], seconds)
end
if limit > 0 then
    requests = requests + 1
    keep()
end
return reply('')
"""
)

_TAKE_TOKENS = (
    _COUNTERS
    + """
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if not fits(tokens_before, tokens, amount, limit) then return reply('tokens_per_minute') end
tokens = tokens + amount
keep()
return reply('')
"""
)

_END = (
    _COUNTERS
    + """
local lease, taken, in_minute, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREM', KEYS[2], lease)
if used > taken then
    tokens = tokens + used - taken
elseif in_minute == minute then
    tokens = math.max(tokens - (taken - used), 0)
elseif in_minute == minute - 1 then
    tokens_before = math.max(tokens_before - (taken - used), 0)
end
if used ~= taken then keep() end
return reply('')
"""
)

_RENEW = """
local clock, seconds = redis.call('TIME'), tonumber(ARGV[1])
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], tonumber(clock[1]) + seconds, ARGV[index]) end
redis.call('EXPIRE', KEYS[1], seconds)
return {}
"""


@dataclass(slots=True)
class _Lease:
    """What one request holds in Redis.

    Args:
        owner: whose it is.
        id: of the lease.
        tokens: that were taken there.
        minute: in which they were, by its clock.
    """

    owner: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    tokens: int = 0
    minute: int = 0


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
        limits, lease = claim.limits, _Lease(claim.owner)
        arguments = (lease.id, limits.max_concurrency, limits.requests_per_minute, LEASE_SECONDS)
        try:
            verdict = _verdict(claim, await self._link.run(_ADMIT, (_keys(claim.owner), arguments)))
        except LinkLostError:
            verdict = await self._local.admit(claim)
        except asyncio.CancelledError:  # it may have been let in all the same
            self._end(lease, 0)
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
            reply = await self._link.run(_TAKE_TOKENS, (_keys(claim.owner), arguments))
        except LinkLostError:
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

    def _end(self, lease: _Lease, tokens: int) -> None:
        # What is used while Redis is lost would be of an earlier minute when it is back.
        self._ended.append((lease, tokens if self._link.is_up else lease.tokens))
        if not self._telling:
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
            calls = [(_keys(one.owner), (one.id, one.tokens, one.minute, tokens)) for one, tokens in batch]
            try:
                await self._link.run_all(_END, calls)
            except LinkLostError:  # the leases are told again; tokens may have been counted, and never are twice
                self._ended.extendleft((lease, lease.tokens) for lease, _ in reversed(batch))
                return

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self._catch_up()

    async def renew(self) -> None:
        """Makes every lease of an answer under way new."""
        by_owner: dict[str, list[str]] = {}
        for claim, lease in self._leases.items():
            if claim.limits.max_concurrency:
                by_owner.setdefault(lease.owner, []).append(lease.id)
        calls: list[Call] = [(_keys(owner)[1:], (LEASE_SECONDS, *ids)) for owner, ids in by_owner.items()]
        with suppress(LinkLostError):
            await self._link.run_all(_RENEW, calls)


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
