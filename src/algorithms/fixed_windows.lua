-- Several fixed windows, all or nothing: admits as many of `waiters` equal checks as fit under every rule. What
-- layered.lua does for any rules, with less: the check that most plans of several rules come to.
-- KEYS     one counter for each rule
-- ARGV     cost of one check, waiters (1 or more), then for each rule: limit, window (ms)
-- Reply    {units charged, now, then for each rule: units used before, when the window ends}; times in ms since the epoch
local call, keys, argv = redis.call, KEYS, ARGV
local cost = argv[1] + 0
local units = cost * argv[2]
local time = call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local values = call('MGET', unpack(keys))
local reply = {0, now}
for i = 1, #keys do
  local used = tonumber(values[i] or 0)
  -- The very end, as in fixed_window.lua; -1: never, -2: there is no key.
  local ends = redis.pcall('PEXPIRETIME', keys[i])
  if type(ends) == 'table' then
    -- Before Redis 7.
    ends = call('PTTL', keys[i])
    ends = ends < 0 and ends or now + ends
  end
  if not used or used % 1 ~= 0 or not values[i] and ends ~= -2 then
    return redis.error_reply('WRONGTYPE the key does not hold a counter')
  end
  local last = now + argv[2 + 2 * i]
  if ends < 0 or ends > last and used < 9007199254740992 then
    if values[i] then
      call('PEXPIREAT', keys[i], last)
    end
    ends = last
  end
  local room = argv[1 + 2 * i] - used
  if room < units then
    -- Exact: below 2^53 no quotient is rounded up to a whole number.
    units = math.floor(room / cost) * cost
  end
  reply[1 + 2 * i] = used
  reply[2 + 2 * i] = ends
end
if units <= 0 then
  return reply
end
reply[1] = units
local added = units == cost and argv[1] or string.format('%.0f', units)
for i = 1, #keys do
  local after = redis.pcall('INCRBY', keys[i], added)
  if after ~= reply[1 + 2 * i] + units then
    -- Text that Lua takes for a number and Redis does not.
    for charged = 1, i - 1 do
      if values[charged] then
        call('DECRBY', keys[charged], added)
      else
        call('DEL', keys[charged])
      end
    end
    return after
  end
  if not values[i] then
    call('PEXPIREAT', keys[i], reply[2 + 2 * i])
  end
end
return reply
