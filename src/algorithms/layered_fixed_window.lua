-- Fixed window: one integer, whose expiry is the window. Twin: fixed_window.cpp.
read.f = function(key, r)
  local value = redis.call('GET', key)
  r.used = 0
  r.rest = r.window
  if value then
    r.used = tonumber(value)
    -- Text that Lua takes for a number and INCRBY does not would fail when others are charged already.
    if not r.used or string.format('%.0f', r.used) ~= value then
      return redis.error_reply('WRONGTYPE the key does not hold a counter')
    end
    r.rest = redis.call('PTTL', key)
    if r.used >= tonumber(BLOCKED) then
      r.blocked = r.rest
    elseif r.rest < 0 or r.rest > r.window then
      r.mend = true
      r.rest = r.window
    end
    r.exists = true
  end
  r.room = r.capacity - r.used
  r.reset = r.rest
  r.mark = now + r.rest
end
charge.f = function(key, r, units)
  units = math.min(units, MOST - r.used)
  if units > 0 then
    redis.call('INCRBY', key, string.format('%.0f', units))
    r.room = r.room - units
  end
  if r.exists and r.mend or units > 0 and not r.exists then
    redis.call('PEXPIRE', key, r.window)
  end
end
wait.f = function(r)
  return r.rest + 1
end
