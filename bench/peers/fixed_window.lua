-- The conditional fixed window that the raw clients run: a denied request consumes nothing.
-- KEYS[1] the counter; ARGV[1] the limit, ARGV[2] the window in ms. Reply: admitted 1 or 0, count, ms left.
local count = tonumber(redis.call('GET', KEYS[1]))
if not count then
  redis.call('SET', KEYS[1], 1, 'PX', ARGV[2])
  return {1, 1, tonumber(ARGV[2])}
end
local left = redis.call('PTTL', KEYS[1])
if count >= tonumber(ARGV[1]) then return {0, count, left} end
return {1, redis.call('INCR', KEYS[1]), left}
