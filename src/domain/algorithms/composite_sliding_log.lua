-- Sliding log: a sorted set with one member for each admitted unit, its score the millisecond. Twin: sliding_log.cpp.
-- A unit admitted at x counts while now < x + window.
read.l = function(key, r)
  local used = redis.pcall('ZCOUNT', key, '(' .. string.format('%.0f', now - r.window), string.format('%.0f', now))
  if type(used) == 'table' then
    r.blocked = redis.call('TYPE', key).ok == 'string' and is_block(redis.call('GET', key))
    if not r.blocked then
      return redis.error_reply('WRONGTYPE the key does not hold a log')
    end
    used = 0
  end
  r.used = used
  r.room = r.capacity - used
  r.reset = 0
  r.next = 0
  if used > 0 then
    local newest = redis.call('ZREVRANGEBYSCORE', key, now, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    r.reset = tonumber(newest[2]) + r.window - now
    if tonumber(newest[2]) == now then
      r.next = tonumber(string.match(newest[1], '%d+$')) + 1
    end
  end
  r.mark = now
end
charge.l = function(key, r, units)
  if units == 0 then
    return
  end
  -- What a limit can ask about; a penalty beyond it pushes the oldest units out.
  local most = 10000
  units = math.min(units, most)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - r.window))
  -- Dated beyond now: the clock was moved.
  redis.call('ZREMRANGEBYSCORE', key, string.format('(%.0f', now), '+inf')
  local at = 0
  while at < units do
    local members = {}
    for _ = 1, math.min(500, units - at) do
      -- Members of one millisecond are numbered, padded so that the last one given is the last in the set.
      members[#members + 1] = now
      members[#members + 1] = string.format('%.0f-%08d', now, r.next + at)
      at = at + 1
    end
    redis.call('ZADD', key, unpack(members))
  end
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  redis.call('PEXPIRE', key, r.window + 1)
  r.used = math.min(r.used + units, most)
  r.room = r.capacity - r.used
  r.reset = r.window
end
wait.l = function(r, units, key)
  local missing = units - r.room
  if missing > r.used then
    return -1
  end
  local low = string.format('(%.0f', now - r.window)
  local freeing = redis.call('ZRANGEBYSCORE', key, low, now, 'WITHSCORES', 'LIMIT', missing - 1, 1)
  return tonumber(freeing[2]) + r.window - now
end
