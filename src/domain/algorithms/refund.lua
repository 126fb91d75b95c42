-- Gives units back to charges made before, each only into the same window, sub-window or entries; a bucket's not once it
-- could have been full since. Never creates a key, never goes below nothing used.
-- KEYS     one for each rule
-- ARGV     units, then for each rule: algorithm, window (ms), refill per window, mark of the charge
-- Reply    how many rules took the units back
local units = tonumber(ARGV[1])
local taken = 0
local refund = {}
-- Empty where there is nothing, or nothing of ours.
local function text_of(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and value or ''
end
refund.f = function(key, window, _, mark)
  local used = tonumber(text_of(key))
  if not used or used <= 0 or used >= BLOCKED then
    return
  end
  local ends = ends_of(key)
  if ends < 0 then
    return
  end
  local same
  if mark >= 0 then
    -- Before Redis 7 the two readings of the clock may differ.
    same = math.abs(ends - mark) <= 1
  else
    -- The window began at -mark or a moment later, and none that did can have ended within one window of it.
    local last = math.max(1, window - 1) - mark
    same = ends >= last and now <= last
  end
  if same then
    redis.call('DECRBY', key, string.format('%.0f', math.min(units, used)))
    taken = taken + 1
  end
end
refund.w = function(key, window, _, mark)
  local value = text_of(key)
  local width, newest = string.match(value, '^w(%d+) (%d+) ')
  -- The mark is the number of a sub-window of this width, which counts until one window behind its end.
  if not width or tonumber(width) ~= math.ceil(window / 10) or (mark + 1) * width + window - 1 <= now then
    return
  end
  -- The numbers of the state: width, newest sub-window, then the counts, newest first.
  local place = tonumber(newest) - mark + 3
  local i = 0
  local done = false
  local text = string.gsub(value, '%d+', function(number)
    i = i + 1
    if i > 2 and i == place and tonumber(number) > 0 then
      done = true
      return string.format('%.0f', math.max(0, tonumber(number) - units))
    end
  end)
  if done then
    redis.call('SET', key, text, 'PX', math.max(1, redis.call('PTTL', key)))
    taken = taken + 1
  end
end
refund.l = function(key, window, _, mark)
  if redis.call('TYPE', key).ok ~= 'zset' then
    return
  end
  local text = string.format('%.0f', mark)
  local left = mark > now - window and units or 0
  local any = 0
  while left > 0 do
    -- The last ones first: those of one millisecond are numbered on from the last.
    local members = redis.call('ZREVRANGEBYSCORE', key, text, text, 'LIMIT', 0, math.min(left, 500))
    if #members == 0 then
      break
    end
    redis.call('ZREM', key, unpack(members))
    left = left - #members
    any = 1
  end
  taken = taken + any
end
refund.b = function(key, window, refill, mark)
  local missing, at, scale = string.match(text_of(key), '^b(%d+) (%d+) (%d+)$')
  if not missing or now >= mark or tonumber(scale) ~= window then
    return
  end
  missing = tonumber(missing) - (now - tonumber(at)) * refill
  if missing <= 0 then
    return
  end
  missing = math.max(0, missing - units * window)
  if missing == 0 then
    redis.call('DEL', key)
  else
    local full = refill > 0 and math.ceil(missing / refill) or window
    redis.call('SET', key, string.format('b%.0f %.0f %.0f', missing, now, window), 'PX', full + 1)
  end
  taken = taken + 1
end
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * 4
  refund[ARGV[at + 1]](key, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
end
return taken
