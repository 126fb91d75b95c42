-- Token bucket. The state is what is missing from a full bucket, in 1/window of a token, so that a refill of `refill`
-- tokens a window is a whole number each millisecond; a full bucket needs no key. Twin: token_bucket.cpp.
-- State: 'b', missing, the millisecond it was true, the window of its scale.
read.b = function(key, r)
  r.missing = 0
  local value = redis.call('GET', key)
  r.blocked = is_block(value)
  if value and not r.blocked then
    local missing, at, scale = string.match(value, '^b(%d+) (%d+) (%d+)$')
    if not missing then
      return redis.error_reply('WRONGTYPE the key does not hold a bucket')
    end
    missing, at, scale = tonumber(missing), tonumber(at), tonumber(scale)
    if scale ~= r.window then
      -- Whole tokens exactly, the rest rounded up: nothing is gained by another window.
      local tokens = math.floor(missing / scale)
      local most = math.floor(MOST / r.window)
      if tokens >= most then
        missing = most * r.window
      else
        missing = tokens * r.window + math.ceil((missing - tokens * scale) * r.window / scale)
      end
    end
    -- Dated beyond now: the clock was moved, and the bucket starts afresh.
    if at <= now then
      -- Divided first: the product could leave the exact range.
      if r.refill > 0 and now - at >= math.ceil(missing / r.refill) then
        missing = 0
      else
        missing = missing - (now - at) * r.refill
      end
      r.missing = missing
    end
  end
  r.room = math.floor((r.capacity * r.window - r.missing) / r.window)
  r.reset = r.refill > 0 and math.ceil(r.missing / r.refill) or r.window
  r.mark = now + r.reset
end
charge.b = function(key, r, units)
  units = math.min(units, math.floor((MOST - r.missing) / r.window))
  if units == 0 then
    return
  end
  r.missing = r.missing + units * r.window
  r.room = r.room - units
  r.reset = r.refill > 0 and math.ceil(r.missing / r.refill) or r.window
  r.mark = now + r.reset
  redis.call('SET', key, string.format('b%.0f %.0f %.0f', r.missing, now, r.window), 'PX', r.reset + 1)
end
wait.b = function(r, units)
  if r.refill == 0 then
    return -1
  end
  return math.ceil((r.missing + (units - r.capacity) * r.window) / r.refill)
end
