-- Fixed window: one integer, whose expiry is the window. Twin: fixed_window.cpp.
-- When a key ends, in ms since the epoch; negative: never. It is asked, not added up from PTTL and the time above: on a busy
-- machine those two are read moments apart, and a refund has to find the very window that was charged.
local function expiry(key)
  local ends = redis.pcall('PEXPIRETIME', key)
  if type(ends) == 'table' then
    -- Before Redis 7.
    ends = redis.call('PTTL', key)
    ends = ends < 0 and ends or now + ends
  end
  return ends
end
read.f = function(key, r)
  local value = redis.call('GET', key)
  r.used = 0
  r.rest = r.window
  r.mark = now + r.window
  if value then
    r.used = tonumber(value)
    -- Text that Lua takes for a number and INCRBY does not would fail when others are charged already.
    if not r.used or string.format('%.0f', r.used) ~= value then
      return redis.error_reply('WRONGTYPE the key does not hold a counter')
    end
    local ends = expiry(key)
    local rest = math.max(0, ends - now)
    if r.used >= tonumber(BLOCKED) then
      r.blocked = rest
      r.rest = rest
    elseif ends < 0 or rest > r.window then
      r.mend = true
    else
      r.rest = rest
      r.mark = ends
    end
    r.exists = true
  end
  r.room = r.capacity - r.used
  r.reset = r.rest
end
charge.f = function(key, r, units)
  units = math.min(units, MOST - r.used)
  if units > 0 then
    redis.call('INCRBY', key, string.format('%.0f', units))
    r.room = r.room - units
  end
  if r.exists and r.mend or units > 0 and not r.exists then
    redis.call('PEXPIREAT', key, string.format('%.0f', now + r.window))
  end
end
wait.f = function(r)
  return r.rest + 1
end
