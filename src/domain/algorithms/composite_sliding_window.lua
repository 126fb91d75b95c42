-- Sliding window: a ring of ten sub-windows and the one that is leaving; the oldest is counted whole, so no span of one
-- window ever holds more than the capacity, and capacity comes back at most one sub-window late. Twin: sliding_window.cpp.
-- State: 'w', the width of a sub-window (ms), the number of the newest one, then the counts, newest first.
local function drop_time(r, sub)
  return (sub + 1) * r.sub + r.window - 1
end
read.w = function(key, r)
  r.sub = math.ceil(r.window / 10)
  r.newest = math.floor(now / r.sub)
  local oldest = math.floor((now - r.window + 1) / r.sub)
  local size = r.newest - oldest + 1
  r.counts = {}
  for i = 1, size do
    r.counts[i] = 0
  end
  local used = 0
  local value = redis.call('GET', key)
  r.blocked = is_block(value)
  if value and not r.blocked then
    local width, last, counts = string.match(value, '^w(%d+) (%d+)([ %d]*)$')
    if not width then
      return redis.error_reply('WRONGTYPE the key does not hold a sliding window')
    end
    width, last = tonumber(width), tonumber(last)
    local i = 0
    -- Dated beyond now: the clock was moved, and the window starts afresh.
    for number in string.gmatch(last * width <= now and counts or '', '%d+') do
      -- One of another width is counted where its last millisecond lies, so that nothing leaves early.
      local ends = math.min((last - i + 1) * width - 1, now)
      local at = r.newest - math.floor(ends / r.sub) + 1
      if at <= size then
        r.counts[at] = r.counts[at] + tonumber(number)
        used = used + tonumber(number)
      end
      i = i + 1
    end
  end
  r.room = r.capacity - used
  r.reset = 0
  for i = 1, size do
    if r.counts[i] > 0 then
      r.reset = drop_time(r, r.newest - i + 1) - now
      break
    end
  end
  r.mark = r.newest
end
charge.w = function(key, r, units)
  units = math.min(units, MOST - (r.capacity - r.room))
  if units == 0 then
    return
  end
  r.counts[1] = r.counts[1] + units
  r.room = r.room - units
  r.reset = drop_time(r, r.newest) - now
  local text = {}
  for i = 1, #r.counts do
    text[i] = string.format('%.0f', r.counts[i])
  end
  redis.call('SET', key, string.format('w%.0f %.0f ', r.sub, r.newest) .. table.concat(text, ' '), 'PX', r.reset + 1)
end
wait.w = function(r, units)
  local missing = units - r.room
  for i = #r.counts, 1, -1 do
    missing = missing - r.counts[i]
    if missing <= 0 then
      return drop_time(r, r.newest - i + 1) - now
    end
  end
  return -1
end
