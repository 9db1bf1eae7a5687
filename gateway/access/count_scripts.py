"""What Redis does for the counts of `SharedCounts`, in Lua: each step whole or not at all, by the clock of Redis."""

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

# One that has ended already, as KEYS[3] says, gets no place: its connection was slower than that of its end.
ADMIT = (
    _COUNTERS
    + """
local lease, most, limit, seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if most > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if redis.call('ZCARD', KEYS[2]) >= most then return reply('max_concurrency') end
    if redis.call('EXISTS', KEYS[3]) == 1 then return reply('') end
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

TAKE_TOKENS = (
    _COUNTERS
    + """
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if not fits(tokens_before, tokens, amount, limit) then return reply('tokens_per_minute') end
tokens = tokens + amount
keep()
return reply('')
"""
)

# Where no place is found, the admission may still be on its way.
END = (
    _COUNTERS
    + """
local lease, taken, in_minute, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local seconds = tonumber(ARGV[5])
if seconds > 0 and redis.call('ZREM', KEYS[2], lease) == 0 then redis.call('SET', KEYS[3], '', 'EX', seconds) end
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

RENEW = """
local clock, seconds = redis.call('TIME'), tonumber(ARGV[1])
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], tonumber(clock[1]) + seconds, ARGV[index]) end
redis.call('EXPIRE', KEYS[1], seconds)
return {}
"""
