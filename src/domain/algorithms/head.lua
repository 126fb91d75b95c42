-- Stands in front of every script (cmake/scripts.cmake): the time, and what holds for all keys.
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
-- Stands where a key is blocked, with the block as its expiry. Plain INCRs may have moved it, so it and every integer above
-- it are blocks; rounded to a double, none of those falls below it. All counts are below.
local BLOCKED = 9007199254740992
local MOST = BLOCKED - 1
-- When a key ends, in ms since the epoch; negative: never. It is asked, not added up from PTTL and the time above: on a
-- busy machine those two are read moments apart, and a refund has to find the very window that was charged.
local function ends_of(key)
  local ends = redis.pcall('PEXPIRETIME', key)
  if type(ends) == 'table' then
    -- Before Redis 7.
    ends = redis.call('PTTL', key)
    ends = ends < 0 and ends or now + ends
  end
  return ends < MOST and ends or MOST
end
-- The expiry of what begins now and lasts `ms`: a key lives through the millisecond of its expiry. What lasts 1 ms lasts 2,
-- because an expiry of now would delete the key. Twin: ExpiryOf in rule.h.
local function expiry_of(ms)
  return now + (ms - 1 > 0 and ms - 1 or 1)
end
