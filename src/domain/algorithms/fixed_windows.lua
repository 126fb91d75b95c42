-- Several fixed windows, all or nothing: admits as many of `waiters` equal checks as fit under every rule. What
-- composite.lua does for any rules, with less: the check that most plans of several rules come to.
-- KEYS     one counter for each rule
-- ARGV     cost of one check, waiters (1 or more), then for each rule: limit, window (ms)
-- Reply    {units charged, now, then for each rule: units used before, the key's expiry}; times in ms since the epoch
local call, keys, argv = redis.call, KEYS, ARGV
local cost = argv[1] + 0
local units = cost * argv[2]
local values = call('MGET', unpack(keys))
local reply = {0, now}
local texts
for i = 1, #keys do
  local value = values[i]
  local used, is_text = 0
  if value then
    used, is_text = count_of(value)
  end
  -- -1: never, -2: there is no key.
  local ends = ends_of(keys[i])
  if not used or not value and ends ~= -2 then
    return redis.error_reply('WRONGTYPE the key does not hold a counter')
  end
  local last = expiry_of(argv[2 + 2 * i])
  if ends < 0 or ends > last and used < BLOCKED then
    if value then
      call('PEXPIREAT', keys[i], last)
    end
    ends = last
  end
  local room = argv[1 + 2 * i] - used
  if room < units then
    -- Exact: below 2^53 no quotient is rounded up to a whole number.
    units = math.floor(room / cost) * cost
  end
  if is_text then
    texts = texts or {}
    texts[i] = true
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
  local is_text = texts and texts[i]
  if is_text then
    call('SET', keys[i], string.format('%.0f', reply[1 + 2 * i] + units))
  else
    call('INCRBY', keys[i], added)
  end
  if is_text or not values[i] then
    call('PEXPIREAT', keys[i], reply[2 + 2 * i])
  end
end
return reply
