-- Fixed window: one integer, whose expiry is the window. Twin: fixed_window.cpp.
-- Penalties leave a count so far below a block that units which plain commands add, and take back, do not reach it.
local MOST_COUNTED = BLOCKED - 4294967296
read.f = function(key, r)
  local value = redis.call('GET', key)
  r.used = 0
  r.mark = expiry_of(r.window)
  if value then
    r.used, r.is_text = count_of(value)
    if not r.used then
      return redis.error_reply('WRONGTYPE the key does not hold a counter')
    end
    r.exists = true
    r.blocked = r.used == BLOCKED
    local ends = ends_of(key)
    if ends < 0 or ends > r.mark then
      r.mend = true
    else
      r.mark = ends
    end
  end
  r.room = r.capacity - r.used
  r.reset = math.max(0, r.mark - now) + 1
end
charge.f = function(key, r, units)
  units = math.max(0, math.min(units, math.max(MOST_COUNTED, r.capacity) - r.used))
  if units > 0 then
    if r.is_text then
      redis.call('SET', key, string.format('%.0f', r.used + units))
    else
      redis.call('INCRBY', key, string.format('%.0f', units))
    end
    r.room = r.room - units
  end
  if r.mend or units > 0 and (r.is_text or not r.exists) then
    redis.call('PEXPIREAT', key, string.format('%.0f', r.mark))
  end
end
wait.f = function(r)
  return r.reset
end
