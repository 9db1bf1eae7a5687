"""The ledger in Redis, which all processes share: a hash for each day and month, which ends by itself."""

from collections.abc import Collection, Sequence

from gateway.access.budgets import Account, Batch, LedgerError, Spent
from gateway.access.redis_link import Call, LinkLostError, RedisLink, Reply

_START = "responses-gateway:{spent}"

_SETTLE = """
local spent = tonumber(ARGV[1])
if spent > 0 and redis.call('SET', KEYS[1], '', 'NX', 'EX', 86400) then
    for at = 1, spent do
        local key, owner = KEYS[at + 1], ARGV[3 * at - 1]
        redis.call('HINCRBY', key, 'tokens ' .. owner, ARGV[3 * at])
        redis.call('HINCRBYFLOAT', key, 'cost ' .. owner, ARGV[3 * at + 1])
        redis.call('EXPIRE', key, 40 * 86400)
    end
end
local totals = {}
for at = spent + 2, #KEYS do
    local owner = ARGV[2 * spent + at]
    totals[#totals + 1] = redis.call('HGET', KEYS[at], 'tokens ' .. owner) or '0'
    totals[#totals + 1] = redis.call('HGET', KEYS[at], 'cost ' .. owner) or '0'
end
return totals
"""
"""KEYS: the mark of the batch, then the hash of each account that has spent and of each that is asked for. ARGV: how
many have spent, then owner, tokens and cost of each, then the owners that are asked for. A batch that has its mark has
been taken already, and only the answer was lost."""

_READ = "return redis.call('HGETALL', KEYS[1])"


class SharedLedger:
    """Keeps spending in Redis.

    Args:
        link: to it; opened by somebody else.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def read(self, periods: Collection[str]) -> dict[Account, Spent]:
        """Everything of these days and months."""
        totals: dict[Account, Spent] = {}
        for period in periods:
            fields = await self._run(_READ, ((_key(period),), ()))
            for field, value in zip(fields[::2], fields[1::2], strict=True):
                what, _, owner = _text(field).partition(" ")
                spent = totals.setdefault((period, owner), Spent())
                spent.add(*((int(value), 0.0) if what == "tokens" else (0, float(value))))
        return totals

    async def settle(self, batch: Batch | None, asked: Collection[Account]) -> dict[Account, Spent]:
        """Takes a batch and says what these accounts have spent by now."""
        accounts = list(asked)
        if batch is None and not accounts:
            return {}
        reply = await self._run(_SETTLE, _settling(batch, accounts))
        values = zip(reply[::2], reply[1::2], strict=True)
        return {
            account: Spent(int(tokens), float(cost)) for account, (tokens, cost) in zip(accounts, values, strict=True)
        }

    async def _run(self, script: str, call: Call) -> Reply:
        try:
            return await self._link.run(script, call)
        except LinkLostError as error:
            raise LedgerError from error


def _settling(batch: Batch | None, asked: Sequence[Account]) -> Call:
    spent = list(batch.spent.items()) if batch is not None else []
    mark = f"{_START}:batch:{batch.id if batch is not None else ''}"
    keys = [mark, *(_key(period) for (period, _), _ in spent), *(_key(period) for period, _ in asked)]
    told = [part for (_, owner), one in spent for part in (owner, one.tokens, repr(one.cost))]
    return keys, [len(spent), *told, *(owner for _, owner in asked)]


def _key(period: str) -> str:
    return f"{_START}:{period}"


def _text(field: bytes | int) -> str:
    return field.decode() if isinstance(field, bytes) else str(field)
