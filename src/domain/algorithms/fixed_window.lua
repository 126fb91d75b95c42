-- Fixed window, decided on the server: admits as many of `waiters` equal checks as fit, charges those and no others.
-- The twin in process is fixed_window.cpp. With no waiters it only mends a wrong expiry.
-- KEYS[1]  the counter: an integer whose expiry is the window
-- ARGV     limit, window (ms), cost of one check, waiters
-- Reply    {admitted, units used afterwards, ms until the window has ended, the key's expiry (ms since the epoch)}
local limit = tonumber(ARGV[1])
local cost = tonumber(ARGV[3])
local waiters = tonumber(ARGV[4])
local used = 0
local is_text
local ends = expiry_of(tonumber(ARGV[2]))
local value = redis.call('GET', KEYS[1])
if value then
  used, is_text = count_of(value)
  if not used then
    return redis.error_reply('WRONGTYPE the key does not hold a counter')
  end
  local expiry = ends_of(KEYS[1])
  -- Without an expiry it would never end; with one beyond a window, the limit's window was longer before.
  -- A block may last longer.
  if expiry < 0 or expiry > ends and used < BLOCKED then
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
  else
    ends = expiry
  end
end
local rest = math.max(0, ends - now) + 1
-- Exact: below 2^53 no quotient is rounded up to a whole number.
local admitted = math.floor((limit - used) / cost)
if admitted > waiters then
  admitted = waiters
end
if admitted <= 0 then
  return {0, used, rest, ends}
end
used = used + admitted * cost
if is_text then
  redis.call('SET', KEYS[1], string.format('%.0f', used))
else
  redis.call('INCRBY', KEYS[1], string.format('%.0f', admitted * cost))
end
if is_text or not value then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
end
return {admitted, used, rest, ends}
