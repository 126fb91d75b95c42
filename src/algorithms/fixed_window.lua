-- Fixed window, decided on the server: admits as many of `waiters` equal checks as fit, charges those and no others.
-- The twin in process is fixed_window.cpp. With no waiters it only mends a wrong expiry.
-- KEYS[1]  the counter: an integer whose expiry is the window
-- ARGV     limit, window (ms), cost of one check, waiters
-- Reply    {admitted, units used afterwards, ms until the window ends, when that is (ms since the epoch)}
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])
local waiters = tonumber(ARGV[4])
local used = 0
local rest = window
local value = redis.call('GET', KEYS[1])
if value then
  used = tonumber(value)
  if not used or used % 1 ~= 0 then
    return redis.error_reply('WRONGTYPE the key does not hold a counter')
  end
  rest = redis.call('PTTL', KEYS[1])
  -- Without an expiry it would never end; with one beyond a window, the limit's window was longer before.
  -- A block (2^53) may last longer.
  if rest < 0 or rest > window and used < 9007199254740992 then
    redis.call('PEXPIRE', KEYS[1], window)
    rest = window
  end
end
local time = redis.call('TIME')
local ends = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + rest
-- Exact: below 2^53 no quotient is rounded up to a whole number.
local admitted = math.floor((limit - used) / cost)
if admitted > waiters then
  admitted = waiters
end
if admitted <= 0 then
  return {0, used, rest, ends}
end
used = used + admitted * cost
redis.call('INCRBY', KEYS[1], string.format('%.0f', admitted * cost))
if not value then
  redis.call('PEXPIRE', KEYS[1], window)
end
return {admitted, used, rest, ends}
